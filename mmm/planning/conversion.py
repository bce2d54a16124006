"""Models of several currencies planned in one: amounts and values converted at given rates.

Shapes: M members, P grid points, X decision variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from pydantic import Field

from mmm.config import Spec
from mmm.config.problems import nearest
from mmm.errors import Problem, RequestError
from mmm.planning.fields import UnitCost
from mmm.planning.response import AnyResponse, Floats, PlanContext, Response, SeparableResponse


class PortfolioTerms(Spec):
    """In which currency a portfolio is planned, and what a KPI unit of each model is worth."""

    currency: str | None = Field(default=None, min_length=1, max_length=20)
    """Currency of the budget and of every amount; needed only where models differ in theirs."""
    exchange_rates: dict[str, UnitCost] = Field(default_factory=dict)
    """Units of ``currency`` for one unit of each other currency, by its name."""
    kpi_values: dict[str, UnitCost] = Field(default_factory=dict)
    """Value of a KPI unit by model, in the model's own currency; left out, that of its data."""

    def rate(self, currency: str) -> float:
        """Units of the portfolio's currency for one of another."""
        return 1.0 if self.currency in (None, currency) else self.exchange_rates[currency]

    def check(self, currencies: Mapping[str, str]) -> None:
        """Whether the terms say all that models need.

        Args:
            currencies: Currency of each model by its name.

        Raises:
            RequestError: An unknown model, or a currency without rate.
        """
        problems = []
        for name in sorted(set(self.kpi_values) - set(currencies)):
            close = nearest(name, currencies, count=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            text = f"unknown model '{name}'.{hint} Known: {', '.join(currencies)}"
            problems.append(Problem("unknown_model", f"kpi_values.{name}", text))
        others = set(currencies.values()) - {self.currency} if self.currency else set()
        for currency in sorted(others - set(self.exchange_rates)):
            named = next(name for name, own in currencies.items() if own == currency)
            text = f"{named} is in {currency}; give how many {self.currency} one {currency} is"
            problems.append(Problem("no_rate", f"exchange_rates.{currency}", text))
        if self.exchange_rates and self.currency is None:
            text = "is missing; exchange_rates are units of it"
            problems.append(Problem("missing_key", "currency", text))
        if problems:
            raise RequestError("portfolio request", problems)

    def applied(self, name: str, part: tuple[AnyResponse, PlanContext]) -> tuple[AnyResponse, PlanContext]:
        """A model's response and context in the portfolio's currency and at the value asked for."""
        response, context = part
        value = self.kpi_values.get(name, context.kpi_value)
        rate = self.rate(context.currency)
        if rate == 1.0:
            renamed = context.currency if self.currency is None else self.currency
            return response, replace(context, kpi_value=value, currency=renamed)
        paid_X = np.array([channel not in context.units for channel in context.channels])
        rate_X = np.where(paid_X, rate, 1.0)[context.channel_X]
        after = context.after_horizon
        converted = replace(
            context,
            current_X=context.current_X * rate_X,
            supported_X=context.supported_X * rate_X,
            kpi_value=value * rate,
            currency=self.currency or context.currency,
            after_horizon=None if after is None else lambda amount_X: after(amount_X / rate_X),
            exact=None,
            proxy=None,
        )
        if isinstance(response, SeparableResponse):
            return ConvertedCurves(response, rate_X), converted
        return ConvertedResponse(response, rate_X), converted


class ConvertedCurves:
    """A separable response to amounts in another currency.

    Args:
        response: The response to its own amounts.
        rate_X: Units of the other currency for one of its own.
    """

    def __init__(self, response: SeparableResponse, rate_X: Floats) -> None:
        self._response, self._rate_X = response, rate_X

    def values(self, amount_X: Floats) -> Floats:
        """See ``SeparableResponse.values``."""
        return self._response.values(amount_X / self._rate_X)

    def marginals(self, amount_X: Floats) -> Floats:
        """See ``SeparableResponse.marginals``."""
        return self._response.marginals(amount_X / self._rate_X) / self._rate_X

    def table(self, grid_PX: Floats) -> Floats:
        """See ``SeparableResponse.table``."""
        return self._response.table(grid_PX / self._rate_X)


class ConvertedResponse:
    """The same of any other response."""

    def __init__(self, response: Response, rate_X: Floats) -> None:
        self._response, self._rate_X = response, rate_X

    def value(self, amount_X: Floats) -> Floats:
        """See ``Response.value``."""
        return self._response.value(amount_X / self._rate_X)

    def value_and_gradient(self, amount_X: Floats) -> tuple[Floats, Floats]:
        """See ``Response.value_and_gradient``."""
        value_M, gradient_MX = self._response.value_and_gradient(amount_X / self._rate_X)
        return value_M, gradient_MX / self._rate_X
