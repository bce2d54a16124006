"""Words that names of columns are made of, by what they mean."""

from __future__ import annotations

import re

DATE = (
    "date",
    "time",
    "week",
    "month",
    "day",
    "period",
    "ds",
    "week_start",
    "date_week",
    "weekid",
    "timestamp",
    "datum",
    "fecha",
    "data",
    "woche",
    "monat",
    "tag",
    "semana",
    "semaine",
    "mois",
    "jour",
    "dt",
)
REGION = (
    "region",
    "geo",
    "dma",
    "state",
    "market_area",
    "area",
    "store",
    "postcode",
    "zip",
    "territory",
    "city",
    "bundesland",
    "gebiet",
    "filiale",
    "provincia",
    "departement",
    "province",
)
KPI = (
    "kpi", "revenue", "sales", "conversions", "visits", "y", "target", "orders", "units", "volume",
    "subscriptions", "signups", "leads", "new_customers", "installs", "transactions", "response", "outcome",
    "bookings", "booking", "purchases", "registrations", "applications", "downloads", "turnover", "gmv",
    "footfall", "umsatz", "absatz", "erlös", "bestellungen", "ventas", "ingresos", "pedidos", "ventes",
    "commandes", "fatturato", "vendite", "omzet", "vendas", "receita",
)  # fmt: skip
POPULATION = ("population", "pop", "inhabitants", "households", "residents")
VALUE = ("revenue_per_conversion", "revenue_per_kpi", "kpi_value", "value_per_kpi", "margin_per_unit")
EVENTS = ("event", "events", "holiday", "promo_flag", "is_holiday")
IGNORED = ("index", "unnamed", "id", "row", "brand", "market", "dma_name", "country")
SPEND = (
    r"ausgaben|kosten|gasto|gastos|dépenses|depenses|coût|spesa|uitgaven|custo|"
    r"spend|spends|cost|costs|investment|budget|expenditure|s"
)
EXPOSURE = (
    r"impressions|impression|impressionen|impresiones|impr|imps|imp|clicks|klicks|klick|clics|cliques|"
    r"grps|grp|trps|views|exposure|reach|opens|sends|i|p|o"
)
REACH = r"reach|reichweite|alcance|couverture"
FREQUENCY = r"frequency|freq|frequenz|frecuencia|fréquence|contacts_per_person"
CONTROL = r"control|ctrl"
MEDIA_WORDS = (
    "tv|ctv|ott|radio|print|ooh|dooh|billboard|search|facebook|fb|meta|instagram|google|youtube|tiktok|"
    "snapchat|pinterest|linkedin|twitter|display|video|social|newsletter|email|affiliate|direct_mail|"
    "influencer|podcast|cinema|sem|ppc|programmatic|media|channel"
)
UNPAID = "newsletter|email|organic|crm|push"
MEDIATED = re.compile(r"(^|_)(brand(ed)?_(search|searches|queries)|direct_(visits|traffic))(_|$)")
"""Names of what media move and nobody buys."""
PRICE = re.compile(r"^((our|own|list|shelf|base|avg|average)_)?(price|preis|precio|prix|prezzo)(_index)?$")
DEPTH = re.compile(r"(^|_)(discount|discounts|rabatt|descuento|remise|(promo|promotion)_depth)(_|$)")
PROMOTION = re.compile(r"^(promo|promos|promotion|promotions)$")
DISTRIBUTION = re.compile(r"(^|_)(distribution|acv|tdp|distribucion)(_|$)")
"""Names of levers that are no media."""
COMPETITION = re.compile(r"competitor|competition|rival", re.IGNORECASE)
PLATFORMS = "youtube|facebook|instagram|tiktok|snapchat|pinterest|linkedin|twitter"
OUTDOOR = "außenwerbung|suche|fernsehen|plakat|werbung|publicidad|anzeigen"
PER_UNIT = re.compile(
    r"(^|_)(per|price|preis|precio|prix|rate|quote|avg|average|mean|ratio|share|aov|cpm|cpc|cpa)(_|$)"
)
"""Parts of names of prices, rates and means: nothing that media move the sum of."""
PRICE_OF_MEDIA = re.compile(r"(^|_)(cpc|cpm|cpa|cpl|cpp|cpi|ctr|cvr|roas|roi|rate|avg|average)(_|$)")
"""Parts of names of prices and rates of media: no amount, and moved by what it is made of."""
RATE = re.compile(r"(^|_)(rate|quote|ratio|avg|average|mean|aov|roas|ctr|cvr)(_|$)")
"""Parts of names of rates and means, which may be made of the KPI."""
DEMAND = re.compile(r"(^|_)(query|queries|trend|trends|weather|temperature|index|inflation)(_|$)")
"""Parts of names of what moves demand and is counted too."""
VALUE_OF_UNIT = re.compile(r"(^|_)(revenue|value|margin|profit|erlös|umsatz)_per_")
PART_OF_DATE = re.compile(r"(^|_)(yr|year|jahr|wk|week|woche|kw|month|monat|quarter|day|weekday)(_|$)")
SIZE = re.compile(r"(^|_)(size|population|households|inhabitants|einwohner)(_|$)")
TOTALS = frozenset(
    ("total", "totals", "gesamt", "summe", "all", "overall", "sum", "grand total", "national total")
)
PAID_PREFIX = re.compile(r"(sp|spd|spend|cost|inv|budget|usd|eur|gbp)$")
SEEN_PREFIX = re.compile(r"(ip|im|imp|imps|impr|clk|clicks|exp|vol|views|grp)$")
