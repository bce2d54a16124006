(() => {
  "use strict";
  const config = {
    responsive: true, displaylogo: false, displayModeBar: "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d", "pan2d"],
  };
  const views = Array.from(document.querySelectorAll("figure.view"));
  const theme = JSON.parse(document.getElementById("theme").textContent);
  const printWidth = 830;
  // Pixels of a sheet of paper in the page's zoom, and those of them that a view needs for its words.
  const sheet = 1260, wordsOnPaper = 190;
  window.reportDrawn = 0;

  const dark = JSON.parse(document.getElementById("dark").textContent);
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  let onPaper = false;

  const unpack = (text) => {
    const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };

  // The library lies packed in the page: words and numbers do not wait for it.
  let library;
  const unpacked = () => library ||= (async () => {
    const script = document.createElement("script");
    script.textContent = await unpack(document.getElementById("library").textContent);
    document.head.append(script);
  })();

  const sourceOf = async (view) => {
    const packed = view.querySelector(":scope > script.packed");
    view.source ||= packed ? await unpack(packed.textContent) : view.querySelector("script[type='application/json']").textContent;
  };

  // Colours that are half transparent are written as rgba(), and have their counterpart in the dark as well.
  const inTheDark = (source) => source
    .replace(/#[0-9a-f]{6}/gi, (colour) => dark[colour.toLowerCase()] || colour)
    .replace(/rgba\((\d+),(\d+),(\d+),/g, (found, ...parts) => {
      const colour = dark["#" + parts.slice(0, 3).map((part) => Number(part).toString(16).padStart(2, "0")).join("")];
      return colour ? `rgba(${[1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)).join(",")},` : found;
    });

  const figureOf = (view) => {
    const text = (source) => darkness.matches && !onPaper ? inTheDark(source) : source;
    const figure = JSON.parse(text(view.source));
    figure.layout.template = JSON.parse(text(JSON.stringify(theme)));
    if (view.querySelector(".frame").clientWidth < 500 && !onPaper && !view.classList.contains("wide")) narrow(figure);
    const menus = figure.layout.updatemenus || [];
    delete figure.layout.updatemenus;
    return { figure, menus };
  };

  // A phone has one entry of the legend in a line and no room for the whole title of an axis.
  const narrow = ({ data, layout }) => {
    const keys = data.filter((trace) => layout.showlegend && trace.name && trace.showlegend !== false).length;
    layout.height += 17 * Math.max(0, keys - 2);
    layout.legend = { ...layout.legend, maxheight: 0.9 };
    Object.keys(layout).filter((name) => name.startsWith("xaxis")).forEach((name) => {
      const title = layout[name].title, middle = title && title.text && title.text.length > 30
        ? title.text.indexOf(" ", title.text.length / 2) : -1;
      if (middle < 0) return;
      title.text = `${title.text.slice(0, middle)}<br>${title.text.slice(middle + 1)}`;
      layout.height += 16;
      layout.margin.b = (layout.margin.b || 0) + 16;
    });
  };

  const draw = (view) => {
    if (view.dataset.state) return view.drawing;
    view.dataset.state = "drawing";
    view.drawing = Promise.all([unpacked(), sourceOf(view)]).then(() => {
      const { figure, menus } = figureOf(view);
      const plot = view.querySelector(".plot");
      return Plotly.newPlot(plot, figure.data, figure.layout, config).then(() => {
        menus.forEach((menu) => addPicker(view, plot, menu));
        if (figure.data[0] && figure.data[0].meta && figure.data[0].meta.windows) addWindow(view, plot, figure.data[0].meta);
        if (view.hasAttribute("data-links")) plot.on("plotly_click", follow);
        view.dataset.state = "drawn";
        window.reportDrawn += 1;
      });
    });
    return view.drawing;
  };

  const repaint = () => views.filter((view) => view.dataset.state === "drawn").forEach((view) => {
    const { figure } = figureOf(view);
    Plotly.react(view.querySelector(".plot"), figure.data, figure.layout, config).then(() => view.again && view.again());
  });
  darkness.addEventListener("change", repaint);

  const follow = (event) => {
    const to = event.points[0].customdata && event.points[0].customdata[0];
    if (to && ["file:", "http:", "https:"].includes(new URL(to, location.href).protocol)) location.href = to;
  };

  const addPicker = (view, plot, menu) => {
    const label = document.createElement("label");
    const select = document.createElement("select");
    label.className = "picker";
    label.append((menu.name || "Choose") + " ", select);
    menu.buttons.forEach((button, place) => {
      const decoded = new DOMParser().parseFromString(button.label, "text/html").documentElement.textContent;
      select.add(new Option(decoded, String(place)));
    });
    select.addEventListener("change", () => {
      const button = menu.buttons[Number(select.value)];
      Plotly.update(plot, ...structuredClone(button.args));
    });
    plot.parentElement.before(label);
  };

  // From the first to the last of some units: every window's returns lie in the page.
  const addWindow = (view, plot, meta) => {
    const [from, to] = ["From", "To"].map((name, place) => {
      const label = document.createElement("label"), select = document.createElement("select");
      label.className = "picker";
      label.append(name + " ", select);
      meta.units.forEach((unit, at) => select.add(new Option(unit, String(at))));
      select.value = String(place ? meta.units.length - 1 : 0);
      plot.parentElement.before(label);
      return select;
    });
    const said = document.createElement("p");
    said.className = "reading";
    said.setAttribute("role", "status");
    plot.parentElement.before(said);
    const show = (changed) => {
      let [first, last] = [Number(from.value), Number(to.value)];
      if (first > last) {
        first = last = Number(changed.value);
        from.value = to.value = changed.value;
      }
      const size = meta.units.length, row = meta.windows[first * size - first * (first - 1) / 2 + last - first];
      const column = (at) => Array.from({ length: meta.channels }, (_, channel) => row[4 * channel + at]);
      const [roi, lower, upper] = [1, 2, 3].map(column);
      const known = lower.some((bound) => bound !== null);
      Plotly.update(plot, {
        x: [roi], "error_x.array": [upper.map((bound, at) => bound - roi[at])], "error_x.arrayminus": [lower.map((bound, at) => roi[at] - bound)], "error_x.visible": known,
      }, { "xaxis.autorange": true });
      const number = (value) => value === null ? "unknown" : String(Number(value.toPrecision(3))).replace("-", "\u2212");
      said.textContent = `${meta.units[first]} to ${meta.units[last]}: all media returned ${number(roi[0])}${lower[0] === null ? "" : ` (${number(lower[0])} to ${number(upper[0])})`}.`;
    };
    [from, to].forEach((select) => select.addEventListener("change", () => show(select)));
    view.again = () => show(from);
  };

  window.reportDrawAll = () => Promise.all(views.map(draw));

  const near = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      near.unobserve(entry.target);
      draw(entry.target);
    });
  }, { rootMargin: "500px 0px" });
  views.forEach((view) => near.observe(view));

  const links = new Map(Array.from(document.querySelectorAll("nav.contents li li a"), (a) => [a.hash.slice(1), a]));
  const reading = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      links.forEach((link) => link.removeAttribute("aria-current"));
      const link = links.get(entry.target.id);
      if (link) link.setAttribute("aria-current", "true");
    });
  }, { rootMargin: "-20% 0px -70% 0px" });
  views.forEach((view) => reading.observe(view));

  const byKey = (rising) => (x, y) => {
    if (x === "" || y === "") return (x === "") - (y === "");
    const order = isNaN(x) || isNaN(y) ? String(x).localeCompare(y) : x - y;
    return rising ? order : -order;
  };
  // Which way a heading sorts now.
  const turned = (head) => {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    head.parentElement.querySelectorAll("th[aria-sort]").forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    return byKey(rising);
  };
  document.querySelectorAll("table.sortable th button").forEach((button) => {
    const head = button.closest("th"), body = button.closest("table").tBodies[0];
    if (button.closest(".paged")) return;
    button.addEventListener("click", () => {
      const compare = turned(head), key = (row) => row.cells[head.cellIndex].dataset.sort;
      Array.from(body.rows).sort((a, b) => compare(key(a), key(b))).forEach((row) => body.append(row));
    });
  });

  // A long table shows a screenful of rows; all of them lie packed beside it until somebody asks.
  document.querySelectorAll(".paged").forEach((box) => {
    const body = box.querySelector("tbody"), said = box.querySelector("[role=status]"), size = Number(box.dataset.size);
    const search = box.querySelector("input"), steps = Array.from(box.querySelectorAll(".pager button"));
    let loading, found, first = 0;
    const load = () => loading ||= unpack(box.querySelector("script").textContent).then((text) => JSON.parse(text));
    const keyOf = (cell) => typeof cell === "string" ? cell : cell[0];
    const textOf = (cell) => typeof cell === "string" ? cell : cell[1];
    const heads = body.parentElement.matches(".cards") ? Array.from(box.querySelectorAll("th"), (head) => head.textContent) : [];
    const cellOf = (cell, place) => {
      const shown = document.createElement("td"), [, text, small, link, label] = typeof cell === "string" ? ["", cell] : cell;
      const inner = link ? document.createElement("a") : null;
      if (inner) {
        inner.href = link;
        if (label) inner.setAttribute("aria-label", label);
        inner.textContent = text;
      }
      shown.append(inner || text);
      if (heads[place]) shown.dataset.head = heads[place];
      if (small) shown.append(Object.assign(document.createElement("small"), { textContent: small }));
      return shown;
    };
    const show = () => {
      body.replaceChildren(...found.slice(first, first + size).map(([look, ...cells]) => {
        const row = document.createElement("tr");
        row.className = look;
        row.append(...cells.map(cellOf));
        return row;
      }));
      const [from, to, of] = [first + 1, Math.min(first + size, found.length), found.length]
        .map((number) => String(number).replace(/\B(?=(\d{3})+$)/g, ","));
      said.textContent = found.length ? `${from} to ${to} of ${of}` : "none";
      steps[0].disabled = first === 0;
      steps[1].disabled = first + size >= found.length;
    };
    let compare = null, column = 0;
    const again = async () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const rows = await load();
      found = rows.filter((row) => words.every((word) => row.slice(1).some((cell) => textOf(cell).toLowerCase().includes(word))));
      if (compare) found = found.slice().sort((a, b) => compare(keyOf(a[column]), keyOf(b[column])));
      first = 0;
      show();
    };
    search.addEventListener("input", again);
    steps.forEach((button) => button.addEventListener("click", async () => {
      found ||= await load();
      first = Math.max(0, first + size * Number(button.dataset.step));
      show();
      box.querySelector(".scroll").scrollTop = 0;
    }));
    box.querySelectorAll("th button").forEach((button) => button.addEventListener("click", () => {
      const head = button.closest("th");
      compare = turned(head);
      column = head.cellIndex + 1;
      again();
    }));
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(input|select|textarea)$/i.test(event.target.tagName)) return;
    const step = { j: 1, k: -1 }[event.key];
    if (!step) return;
    const tops = views.map((view) => view.getBoundingClientRect().top);
    const here = tops.findIndex((top) => top > 40);
    const at = tops.findIndex((top) => Math.abs(top - 16) <= 24);
    const now = at >= 0 ? at : (here < 0 ? views.length : here) - (step > 0 ? 1 : 0);
    const next = views[Math.min(Math.max(now + step, 0), views.length - 1)];
    next.scrollIntoView({ block: "start" });
    next.querySelector(".frame").focus({ preventScroll: true });
  });

  // Paper shows every chart: they are drawn one by one while nothing else happens.
  const idle = window.requestIdleCallback || ((work) => setTimeout(work, 200));
  const rest = () => {
    const view = views.find((candidate) => !candidate.dataset.state);
    if (view) draw(view).then(() => idle(rest));
  };
  window.addEventListener("load", () => setTimeout(() => idle(rest), 1500));

  const size = (width) => views.forEach((view) => {
    const plot = view.querySelector(".plot");
    if (plot.data) Plotly.relayout(plot, width ? { width, autosize: false } : { width: null, autosize: true });
  });
  const paper = (on) => {
    onPaper = on;
    views.forEach((view) => {  // a chart that no sheet holds is made smaller, not cut
      const needed = parseInt(view.querySelector(".plot").style.minHeight, 10) + wordsOnPaper;
      view.style.zoom = on && needed > sheet ? String(sheet / needed) : "";
    });
    if (darkness.matches) repaint();
    size(on ? printWidth : null);
  };
  // What a button asked for holds until the next print: a PDF is laid out after "afterprint".
  let asked = false;
  window.addEventListener("beforeprint", () => {
    if (!asked) delete document.body.dataset.print;
    asked = false;
    window.reportDrawAll();
    paper(true);
  });
  window.addEventListener("afterprint", () => paper(false));
  document.querySelectorAll("button[data-print]").forEach((button) => button.addEventListener("click", async () => {
    document.body.dataset.print = button.dataset.print;
    asked = true;
    if (button.dataset.print === "all") await window.reportDrawAll();
    window.print();
  }));
})();
