/* Interactive figures over their static images.

   A figure is `<div data-figure="ID">` with a picture in it. When it comes near the window, its data
   (`assets/figures/ID.js`, which calls RP.put) and Plotly are loaded and the plot takes the picture's
   place; if anything fails, the picture stays. Scripts, not fetch(): it also works on file://.
   Colours are tokens ("@blue") that follow the page's palette. */
(function () {
  "use strict";
  const ROOT = new URL("../../", document.currentScript.src); // of this version, whatever the page's depth
  const PLOTLY = new URL("assets/vendor/plotly.min.js", ROOT).href;
  const NARROW = matchMedia("(max-width: 599px)");
  const PALETTES = {
    light: {
      blue: "#0072B2", orange: "#D98200", green: "#008F67", pink: "#B8558F", red: "#C64600", sky: "#2E8FCB",
      fg: "#1d1d1f", muted: "#6b6f76", grid: "rgba(0,0,0,0.10)", band: "rgba(0,114,178,0.13)",
      bandline: "rgba(0,114,178,0.55)", shade: "rgba(0,0,0,0.06)", bg: "#ffffff", label: "rgba(255,255,255,0.75)", watermark: "#A83C00",
    },
    dark: {
      blue: "#5AB4EE", orange: "#F2AE2E", green: "#2FC79A", pink: "#E08CBB", red: "#FF8A50", sky: "#8CCBF5",
      fg: "#e3e6ee", muted: "#a4a9b4", grid: "rgba(255,255,255,0.13)", band: "rgba(90,180,238,0.18)",
      bandline: "rgba(90,180,238,0.6)", shade: "rgba(255,255,255,0.07)", bg: "#1b1f2a", label: "rgba(27,31,42,0.75)", watermark: "#FF8A50",
    },
  };
  const scripts = new Map(), store = new Map(), live = new Map();

  const isDark = () => document.body.getAttribute("data-md-color-scheme") === "slate";
  let printing = false; // on paper always light
  const palette = () => PALETTES[isDark() && !printing ? "dark" : "light"];

  function script(address) {
    if (!scripts.has(address)) scripts.set(address, new Promise((done, failed) => {
      const tag = document.createElement("script");
      tag.src = address;
      tag.onload = done;
      tag.onerror = () => { scripts.delete(address); failed(new Error("cannot load " + address)); };
      document.head.append(tag);
    }));
    return scripts.get(address);
  }
  async function data(id) {
    if (!store.has(id)) await script(new URL("assets/figures/" + id + ".js", ROOT).href);
    if (!store.has(id)) throw new Error("no data for " + id);
    return store.get(id);
  }
  async function plotly() {
    if (!window.Plotly) await script(PLOTLY);
    return window.Plotly;
  }

  const isMapping = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  function merged(base, patch) { // as pipeline.report.figures.base.merged: {"0": ...} patches elements of a list
    const result = Array.isArray(base) ? base.slice() : Object.assign({}, base);
    for (const [key, value] of Object.entries(patch || {}))
      result[key] = (isMapping(result[key]) || Array.isArray(result[key])) && isMapping(value) ? merged(result[key], value) : value;
    return result;
  }
  function resolved(value, colors) {
    if (typeof value === "string") return value[0] === "@" && colors[value.slice(1)] || value;
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((item) => resolved(item, colors));
    if (isMapping(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, colors)]));
    return value;
  }
  function template(colors) {
    const axis = { gridcolor: colors.grid, zerolinecolor: colors.muted, zerolinewidth: 1, linecolor: colors.muted,
                   showline: true, ticks: "outside", tickcolor: colors.muted, ticklen: 4, automargin: true,
                   title: { standoff: 8 } };
    return { layout: {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", xaxis: axis, yaxis: axis,
      font: { family: "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif", size: 12.5, color: colors.fg },
      margin: { l: 60, r: 12, t: 12, b: 46 },
      legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0.5, xanchor: "center" },
      hoverlabel: { bgcolor: colors.bg, bordercolor: colors.muted, font: { color: colors.fg }, align: "left" },
    } };
  }
  const CONFIG = {
    displaylogo: false, responsive: true, scrollZoom: false,
    displayModeBar: false, // it would lie over the figure; a double click shows the whole range again
    showSendToCloud: false, // its button would send the figure to another host
  };

  function withErrors(trace) { // %{text} of a hover template that names no text of its own: the error
    const bars = trace.error_y && trace.error_y.array;
    if (bars && !trace.text && /%\{text\}/.test(trace.hovertemplate))
      trace.text = bars.map((value) => (value === null ? "" : " \u00b1 " + value.toPrecision(2)));
    return trace;
  }
  function view(figure, patch, colors = palette()) {
    const traces = figure.data.map((trace, index) => {
      const chosen = withErrors(merged(trace, patch && patch.data && patch.data[index]));
      return NARROW.matches ? merged(chosen, figure.narrow_trace) : chosen;
    });
    let layout = merged(figure.layout, patch && patch.layout);
    if (NARROW.matches) layout = merged(layout, figure.narrow);
    return { data: resolved(traces, colors), layout: Object.assign(resolved(layout, colors), { template: template(colors), autosize: true }) };
  }
  async function draw(host) {
    const Plotly = await plotly(), state = live.get(host);
    if (!host.isConnected || !state) return;
    const drawn = view(state.figure, state.patch);
    drawn.layout.uirevision = state.revision; // zoom and hidden traces survive a change of palette
    await Plotly.react(host, drawn.data, drawn.layout, CONFIG);
    const box = host.closest(".rp-plot");
    box.classList.add("rp-ready");
    box.classList.toggle("rp-chosen", state.patch !== null && state.revision !== state.first);
  }

  // A point has a value, which a pointer shows, and may have a page that tells more about it.
  const TOUCH = matchMedia("(hover: none)");
  function linkOf(trace, number) {
    const links = trace.meta && trace.meta.links;
    return links && links[number] ? new URL(links[number], ROOT).href : "";
  }
  function valueOf(host) {
    return [...host.querySelectorAll(".hoverlayer .hovertext text")].map((text) =>
      [...text.querySelectorAll("tspan.line")].map((line) => line.textContent).join(", ") || text.textContent).join(", ");
  }
  function tell(host, trace, number, value = valueOf(host)) { // the value as text under the figure: for fingers and for screen readers
    const card = host.closest(".rp-fig").querySelector(".rp-point"), link = linkOf(trace, number);
    card.textContent = "";
    const words = document.createElement("span");
    words.textContent = value;
    card.append(words);
    if (link) {
      const more = document.createElement("a");
      more.href = link;
      more.textContent = "Open its page";
      card.append(more);
    }
  }
  function follow(host, event) { // a click opens the page of a point; a tap shows its value first
    const point = event.points && event.points[0];
    if (!point) return;
    if (TOUCH.matches) tell(host, point.data, point.pointNumber);
    else if (linkOf(point.data, point.pointNumber)) location.href = linkOf(point.data, point.pointNumber);
  }
  function pointsOf(host) { // every point that has a value, from left to right
    const found = [];
    host.data.forEach((trace, curve) => {
      if (trace.visible === false || trace.visible === "legendonly" || trace.hoverinfo === "skip" || !trace.y || trace.type !== "scatter") return;
      trace.y.forEach((y, number) => {
        if (y !== null && (!trace.x || trace.x[number] !== null)) found.push({ curve, number, x: trace.x ? trace.x[number] : number });
      });
    });
    const key = (x) => (typeof x === "number" ? x : Date.parse(x) || 0);
    return found.sort((one, two) => key(one.x) - key(two.x) || one.curve - two.curve || one.number - two.number);
  }
  function reachable(host) { // with the keyboard
    const title = host.closest(".rp-fig").querySelector("figcaption strong").textContent;
    host.tabIndex = 0;
    host.setAttribute("role", "application");
    host.setAttribute("aria-label", `${title} Arrow keys go from point to point, Enter opens the page of a point that has one.`);
  }
  function withKeyboard(host) {
    reachable(host);
    let at = -1;
    host.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const points = pointsOf(host);
      if (!points.length) return;
      if (step || event.key === "Home" || event.key === "End") {
        event.preventDefault();
        at = event.key === "Home" ? 0 : event.key === "End" ? points.length - 1 : (at + step + points.length) % points.length;
        const one = points[at], axes = host._fullData[one.curve];
        Plotly.Fx.hover(host, [{ curveNumber: one.curve, pointNumber: one.number }], [(axes.xaxis || "x") + (axes.yaxis || "y")]);
        requestAnimationFrame(() => tell(host, host.data[one.curve], one.number));
      } else if (event.key === "Enter" && at >= 0) {
        const link = linkOf(host.data[points[at].curve], points[at].number);
        if (link) location.href = link;
      } else if (event.key === "Escape") {
        Plotly.Fx.unhover(host);
      }
    });
  }

  /* On a touch screen the picture itself answers; the plot, which weighs half a megabyte, comes when
     the reader asks for it or chooses what the picture does not show. */
  async function mountPicture(box) {
    const id = box.dataset.figure, select = document.querySelector(`select[data-variants="${id}"]`);
    if (select && select.value !== select.dataset.first) return mount(box);
    try {
      const figure = await data(id), traces = view(figure, null, {}).data;
      const layout = NARROW.matches ? merged(figure.layout, figure.narrow) : figure.layout;
      const open = (point) => { const link = linkOf(point.trace, point.k); if (link) location.href = link; };
      const host = RPValues.answer(box, { figure, traces, layout, narrow: NARROW.matches },
        (value, point) => tell(host, point.trace, point.k, value), open);
      reachable(host);
      const more = box.closest(".rp-fig").querySelector(".rp-zoom"), later = new AbortController();
      const listen = (part, kind, act) => part && part.addEventListener(kind, act, { signal: later.signal });
      const whole = () => {
        later.abort();
        host.remove();
        more.remove();
        box.classList.remove("rp-picture");
        mount(box, true);
      };
      listen(more, "click", whole);
      listen(select, "change", whole);
      if (select) for (const button of select.closest(".rp-tools").querySelectorAll("button[data-step]"))
        listen(button, "click", () => { step(select, button); whole(); });
      box.classList.add("rp-picture");
    } catch (error) {
      box.classList.add("rp-failed");
      console.error(error);
    }
  }
  async function mount(box, write = false) {
    const id = box.dataset.figure, host = document.createElement("div");
    host.className = "rp-host";
    box.append(host);
    try {
      const figure = await data(id);
      const select = document.querySelector(`select[data-variants="${id}"]`);
      live.set(host, { figure, patch: null, revision: "first", first: select ? select.dataset.first : "first" });
      if (select) await choose(host, select, write && select.value !== select.dataset.first);
      await draw(host);
      host.on("plotly_click", (event) => follow(host, event));
      withKeyboard(host);
      if (select) attach(host, select);
    } catch (error) {
      live.delete(host);
      host.remove();
      box.classList.add("rp-failed");
      console.error(error);
    }
  }
  async function choose(host, select, write) {
    const state = live.get(host), id = select.dataset.variants, label = select.value, ticket = (state.ticket = (state.ticket || 0) + 1);
    if (label !== select.dataset.first || write) {
      const one = select.dataset.split === "true"
        ? await data(id + ".v" + select.selectedIndex)
        : (await data(id + ".variants"))[label];
      if (ticket !== state.ticket) return false;
      state.patch = one;
      state.revision = label;
    }
    if (write) try {
      const address = new URL(location);
      address.searchParams.set(id, label);
      history.replaceState(history.state, "", address);
    } catch (error) { /* a page on disk may not rewrite its address */ }
    return true;
  }
  function attach(host, select) {
    const change = async () => { if (await choose(host, select, true)) await draw(host); };
    select.addEventListener("change", change);
    for (const button of select.closest(".rp-tools").querySelectorAll("button[data-step]"))
      button.addEventListener("click", () => { step(select, button); change(); });
  }
  function step(select, button) {
    const count = select.options.length;
    select.selectedIndex = (select.selectedIndex + Number(button.dataset.step) + count) % count;
  }
  function restore() { // ?figure-id=label, as written by choose()
    const query = new URLSearchParams(location.search);
    for (const select of document.querySelectorAll("select[data-variants]")) {
      const wanted = query.get(select.dataset.variants);
      if (wanted && [...select.options].some((option) => option.value === wanted)) select.value = wanted;
    }
  }
  function onPaper() { // figures of which something was chosen are printed as they are, in light colours
    const redraw = (now) => {
      printing = now;
      for (const host of live.keys()) if (host.closest(".rp-chosen")) draw(host);
    };
    addEventListener("beforeprint", () => redraw(true));
    addEventListener("afterprint", () => redraw(false));
  }

  const near = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (entry.isIntersecting) { near.unobserve(entry.target); (TOUCH.matches ? mountPicture : mount)(entry.target); }
  }), { rootMargin: "300px 0px" });
  function start() {
    restore();
    onPaper();
    document.querySelectorAll("[data-figure]").forEach((box) => near.observe(box));
    const redraw = () => [...live.keys()].forEach((host) => { if (host.classList.contains("js-plotly-plot")) draw(host); });
    new MutationObserver(redraw).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
    NARROW.addEventListener("change", redraw);
  }

  window.RP = { put: (id, value) => store.set(id, value), data, live, merged };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start); else start();
})();
