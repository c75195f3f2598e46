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
      bandline: "rgba(0,114,178,0.55)", shade: "rgba(0,0,0,0.06)", bg: "#ffffff", label: "rgba(255,255,255,0.75)", watermark: "rgba(198,70,0,0.75)",
    },
    dark: {
      blue: "#5AB4EE", orange: "#F2AE2E", green: "#2FC79A", pink: "#E08CBB", red: "#FF8A50", sky: "#8CCBF5",
      fg: "#e3e6ee", muted: "#a4a9b4", grid: "rgba(255,255,255,0.13)", band: "rgba(90,180,238,0.18)",
      bandline: "rgba(90,180,238,0.6)", shade: "rgba(255,255,255,0.07)", bg: "#1b1f2a", label: "rgba(27,31,42,0.75)", watermark: "rgba(255,138,80,0.85)",
    },
  };
  const scripts = new Map(), store = new Map(), live = new Map();

  const isDark = () => document.body.getAttribute("data-md-color-scheme") === "slate";
  const palette = () => PALETTES[isDark() ? "dark" : "light"];

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
    showSendToCloud: false, // its button would send the figure to another host
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg" },
  };

  function withErrors(trace) { // %{text} of a hover template that names no text of its own: the error
    const bars = trace.error_y && trace.error_y.array;
    if (bars && !trace.text && /%\{text\}/.test(trace.hovertemplate))
      trace.text = bars.map((value) => (value === null ? "" : " \u00b1 " + value.toPrecision(2)));
    return trace;
  }
  function view(figure, patch) {
    const traces = figure.data.map((trace, index) => {
      const chosen = withErrors(merged(trace, patch && patch.data && patch.data[index]));
      return NARROW.matches ? merged(chosen, figure.narrow_trace) : chosen;
    });
    let layout = merged(figure.layout, patch && patch.layout);
    if (NARROW.matches) layout = merged(layout, figure.narrow);
    const colors = palette();
    return { data: resolved(traces, colors), layout: Object.assign(resolved(layout, colors), { template: template(colors), autosize: true }) };
  }
  async function draw(host) {
    const Plotly = await plotly(), state = live.get(host);
    if (!host.isConnected || !state) return;
    const drawn = view(state.figure, state.patch);
    drawn.layout.uirevision = state.revision; // zoom and hidden traces survive a change of palette
    const touch = matchMedia("(hover: none)").matches; // there the bar covers the plot
    await Plotly.react(host, drawn.data, drawn.layout, touch ? Object.assign({}, CONFIG, { displayModeBar: false }) : CONFIG);
    host.closest(".rp-plot").classList.add("rp-ready");
  }
  function follow(event) { // a click on a point opens the row that tells more about it
    const point = event.points && event.points[0], links = point && point.data.meta && point.data.meta.links;
    const link = links && links[point.pointNumber];
    if (link) location.href = new URL(link, ROOT).href;
  }

  async function mount(box) {
    const id = box.dataset.figure, host = document.createElement("div");
    host.className = "rp-host";
    box.append(host);
    try {
      const figure = await data(id);
      live.set(host, { figure, patch: null, revision: "first" });
      const select = document.querySelector(`select[data-variants="${id}"]`);
      if (select) await choose(host, select, false);
      await draw(host);
      host.on("plotly_click", follow);
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
      button.addEventListener("click", () => {
        const count = select.options.length;
        select.selectedIndex = (select.selectedIndex + Number(button.dataset.step) + count) % count;
        change();
      });
  }
  function restore() { // ?figure-id=label, as written by choose()
    const query = new URLSearchParams(location.search);
    for (const select of document.querySelectorAll("select[data-variants]")) {
      const wanted = query.get(select.dataset.variants);
      if (wanted && [...select.options].some((option) => option.value === wanted)) select.value = wanted;
    }
  }
  function copyButtons() {
    for (const button of document.querySelectorAll("button[data-copy]"))
      button.addEventListener("click", async () => {
        const source = document.getElementById(button.dataset.copy), label = button.textContent;
        try { await navigator.clipboard.writeText(source.textContent); button.textContent = "Copied"; }
        catch (error) { getSelection().selectAllChildren(source); button.textContent = "Selected: press Ctrl+C"; }
        setTimeout(() => { button.textContent = label; }, 2000);
      });
  }
  function tableFilters() { // a box that hides the rows without the typed words
    for (const input of document.querySelectorAll("input[data-filter]")) {
      const rows = [...document.querySelectorAll(`#${input.dataset.filter} tbody tr`)];
      const texts = rows.map((row) => row.textContent.toLowerCase());
      const count = input.parentElement.querySelector("output");
      const apply = () => {
        const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        let left = 0;
        rows.forEach((row, index) => { row.hidden = !words.every((word) => texts[index].includes(word)); left += !row.hidden; });
        count.textContent = `${left} of ${rows.length} rows`;
      };
      input.addEventListener("input", apply);
      apply();
    }
  }

  const near = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (entry.isIntersecting) { near.unobserve(entry.target); mount(entry.target); }
  }), { rootMargin: "300px 0px" });
  function start() {
    restore();
    copyButtons();
    tableFilters();
    document.querySelectorAll("[data-figure]").forEach((box) => near.observe(box));
    const redraw = () => [...live.keys()].forEach((host) => { if (host.classList.contains("js-plotly-plot")) draw(host); });
    new MutationObserver(redraw).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
    NARROW.addEventListener("change", redraw);
  }

  // What scrolls can be scrolled with the keyboard, also in pages written by hand; the theme puts
  // its boxes around tables while the page loads.
  addEventListener("load", () => document.querySelectorAll(".md-typeset__scrollwrap").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }));

  window.RP = { put: (id, value) => store.set(id, value), data, live, merged };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start); else start();
})();
