/* The page Explore: one state, kept in the address, and the views that show it. */
(function () {
  "use strict";
  const EX = globalThis.EX;
  const $ = (id) => document.getElementById("ex-" + id);
  const page = document.documentElement, kindOf = (name) => [...$("campaign").options].find((one) => one.value === name).dataset.kind;
  let app, files, state, found = null, grid = null, model = null, pairs = null, pairsKey = "", next = "a", views;

  // ---- state and address ----
  function read() { // the state that the address asks for; what it leaves open is the campaign's default
    const query = new URLSearchParams(location.search), options = [...$("campaign").options], asked = query.get("campaign");
    const option = options.find((one) => one.value === asked) || options.find((one) => one.dataset.kind === asked) || options[0];
    return {
      campaign: option.value,
      a: Number(query.get("a")) || 0, b: Number(query.get("b")) || 0,
      r: query.get("r"), band: query.get("band"), method: query.get("method"), modes: query.get("modes"),
      from: day(query.get("from")), to: day(query.get("to")), order: ["snr", "channel", "name"].includes(query.get("order")) ? query.get("order") : "snr",
      outliers: query.get("outliers") === "1", means: query.get("means") !== "0", point: query.get("point") || "", off: new Set(), view: 0,
    };
  }
  const day = (words) => /^\d{4}-\d{2}-\d{2}$/.test(words || "") ? words : "";
  function settle() { // the parts of the state that only the campaign can decide
    const stars = found.stars.id, has = (star) => found.column.has(star);
    const first = found.pairs.find(([one, two]) => has(one) && has(two)) || [stars[0], stars[1]];
    if (!has(state.a)) state.a = has(state.b) && state.b === first[0] ? first[1] : first[0];
    if (!has(state.b) || state.b === state.a) state.b = first.find((star) => star !== state.a) ?? stars.find((star) => star !== state.a);
    const fits = (view) => (!state.r || Number(state.r) === view.radius) && (!state.band || state.band === view.band) && (!state.method || state.method === view.method);
    state.view = Math.max(0, found.views.findIndex(fits));
    const shown = state.modes ? state.modes.split(",").filter((mode) => found.modes.includes(mode)) : [];
    state.off = new Set(shown.length ? found.modes.filter((mode) => !shown.includes(mode)) : []);
  }
  function address() {
    const view = found.views[state.view], query = new URLSearchParams(), shown = found.modes.filter((mode) => !state.off.has(mode));
    const put = (key, value) => { if (value) query.set(key, value); };
    put("campaign", state.campaign); put("a", state.a); put("b", state.b);
    put("r", view.radius); put("band", view.band); put("method", view.method);
    if (state.off.size) put("modes", shown.join(","));
    put("from", state.from); put("to", state.to);
    if (state.order !== "snr") put("order", state.order);
    if (state.outliers) put("outliers", "1");
    if (!state.means) put("means", "0");
    put("point", state.point);
    return `${location.pathname}?${query.toString().replace(/%2C/g, ",")}${location.hash}`;
  }
  function change(patch, entry = true) { // entry: a step that Back undoes
    Object.assign(state, patch);
    const wanted = address();
    if (wanted !== location.pathname + location.search + location.hash) history[entry ? "pushState" : "replaceState"](null, "", wanted);
    return entry ? show() : Promise.resolve();
  }

  // ---- from state to views ----
  async function load() { // what the address asks for
    state = read();
    app.setAttribute("aria-busy", "true");
    found = await EX.campaign(state.campaign);
    EX.tellKind(found.simulated);
    settle();
    controls();
    await show();
    app.removeAttribute("aria-busy");
  }
  async function show() {
    const wanted = found, number = state.view, part = (partial) => { if (wanted === found && number === state.view) { grid = partial; refresh(); } };
    const whole = await EX.fluxes(found, number, part);
    if (wanted === found && number === state.view) { grid = whole; refresh(); }
  }
  function refresh() {
    const rows = EX.chosen(found, state), a = found.column.get(state.a), b = found.column.get(state.b);
    const points = EX.ratio(found, grid, a, b, rows, state.outliers), used = points.filter((point) => !point.why);
    const stats = EX.summary(used.map((point) => point.ln), used.map((point) => point.err));
    model = { found, state, view: found.views[state.view], a, b, label: `${state.a}/${state.b}`, points, stats, snr: grid.snr,
              nightly: state.means ? EX.nightly(found, points) : [], order: state.order, pairs, from: state.from, to: state.to };
    leave();
    views.timeline.draw(model, found.row.get(state.point));
    views.strip.draw(model);
    views.field.draw(model);
    words();
    controlsFollow();
    open();
    const key = [state.campaign, state.view, [...state.off], state.from, state.to, state.outliers, grid.parts].join();
    if (key === pairsKey) setTimeout(drawPairs);
    else EX.allPairs(found, grid, rows, state.outliers, (result) => { pairs = result; pairsKey = key; drawPairs(); });
    app.dataset.drawn = String(Number(app.dataset.drawn || 0) + 1); // tests wait for it
  }
  function drawPairs() {
    if (!pairs || pairs.std.length !== found.stars.id.length * (found.stars.id.length - 1) / 2) return;
    model.pairs = pairs;
    pairTitles();
    views.matrix.draw(model);
    views.scatter.draw(model);
    app.dataset.pairs = pairsKey;
  }

  // ---- words ----
  function words() {
    const { stats, label } = model, pct = (value) => EX.percent(100 * value);
    $("title").textContent = stats.n > 1 ? `${label} scatters by ${pct(stats.std)} over ${stats.n} exposures` : `${label}: ${stats.n} usable exposures`;
    const beyond = !Number.isFinite(stats.excess) ? "\u2013" : stats.excess > 0 ? `${pct(stats.excess)} \u00b1 ${pct(stats.excessErr)}` : `below ${pct(stats.excessErr)}`;
    for (const [name, value, raw] of [["n", String(stats.n), stats.n], ["std", pct(stats.std), stats.std], ["robust", pct(stats.robust), stats.robust],
                                      ["expected", pct(stats.expected), stats.expected], ["excess", beyond, stats.excess]]) {
      $("stat-" + name).textContent = value;
      $("stat-" + name).dataset.raw = String(raw);
    }
    $("stat-excess").dataset.err = String(stats.excessErr);
    $("h-field").textContent = fieldTitle();
    const left = model.points.length - stats.n;
    $("left").textContent = left ? `${left} of ${model.points.length} points are not used and drawn as crosses; their cards say why.` : "All points shown are used.";
    $("source").textContent = EX.sourceLine(model);
    $("sim").hidden = !found.simulated;
    $("real").hidden = found.simulated;
  }
  function fieldTitle() { // what the map shows of the two
    const { field, stars } = found, apart = Math.hypot(stars.x[model.a] - stars.x[model.b], stars.y[model.a] - stars.y[model.b]) * field.scale;
    const [one, two] = [stars.channel[model.a], stars.channel[model.b]], known = one > 0 && two > 0;
    const where = !known ? "" : one === two ? `, both on channel ${one}` : `, on channels ${one} and ${two}`;
    return `Stars ${stars.id[model.a]} and ${stars.id[model.b]} lie ${EX.number(apart, apart < 10 ? 1 : 0)}\u2033 apart${where}`;
  }
  function pairTitles() { // what all pairs say
    const std = [...pairs.std].filter(Number.isFinite), floor = found.floor && found.floor[0], few = (n) => `${n} ${n === 1 ? "pair" : "pairs"}`;
    if (!std.length) return;
    $("h-matrix").textContent = `Half of the ${few(std.length)} scatter by less than ${EX.percent(100 * EX.median(std))}`;
    const below = std.filter((value) => value < floor).length;
    $("h-scatter").textContent = floor > 0 ? `The floor of ${EX.percent(100 * floor)} is an average: ${below} of ${few(std.length)} scatter by less` : `The pairs scatter by ${EX.percent(100 * Math.min(...std))} or more`;
  }
  function say(text) { $("live").textContent = text; }
  function card(host, place, lines, link) { // a value card beside a mark; a tap never leaves the page
    const box = $("card"), frame = host.closest(".ex-frame");
    box.replaceChildren(...lines.map((line, k) => Object.assign(document.createElement(k ? "div" : "strong"), { textContent: line })));
    if (link) box.append(Object.assign(document.createElement("a"), { textContent: "This exposure", href: link }));
    frame.append(box);
    box.hidden = false;
    const right = place.x > frame.clientWidth / 2;
    box.style.left = right ? "" : `${place.x + 14}px`;
    box.style.right = right ? `${frame.clientWidth - place.x + 14}px` : "";
    box.style.top = `${Math.max(0, place.y - 20)}px`;
    say(lines.join(", "));
  }
  function leave() { $("card").hidden = true; }
  function pointLines(point) {
    const list = found.exposures, value = EX.percentOf(point.ln, model.stats.median), error = 100 * point.err * (1 + value / 100);
    return [`${list.night[point.e]}, ${list.mode[point.e]}`, `${model.label}: ${value >= 0 ? "+" : ""}${EX.number(value, 2)} %${error > 0 ? ` \u00b1 ${EX.number(error, 2)} %` : ""}`,
            ...(point.why ? [`not used: ${point.why}`] : [])];
  }
  function starLines(column) {
    const stars = found.stars, snr = grid.snr[column];
    return [`Star ${stars.id[column]}`, ...(snr > 0 ? [`SNR ${Math.round(snr)}`] : []), stars.channel[column] ? `channel ${stars.channel[column]}` : "channel not known",
            ...(stars.flags[column] ? [`flag: ${stars.flags[column]}`] : [])];
  }
  function pairLines(a, b) {
    const stars = found.stars, k = pairs ? pairs.std.findIndex((_, at) => (pairs.a[at] === a && pairs.b[at] === b) || (pairs.a[at] === b && pairs.b[at] === a)) : -1;
    const together = stars.channel[a] > 0 && stars.channel[a] === stars.channel[b];
    return [`${stars.id[a]}/${stars.id[b]}`, ...(k >= 0 ? [`scatter ${EX.percent(100 * pairs.std[k])}`, ...(pairs.snr[k] > 0 ? [`SNR of the ratio ${Math.round(pairs.snr[k])}`] : [])] : []),
            ...(together ? ["both on one channel"] : [])];
  }
  function choose(column) { // of the map: A and B in turn
    const star = found.stars.id[column], which = next;
    next = next === "a" ? "b" : "a";
    const other = which === "a" ? "b" : "a", patch = { [which]: star };
    if (state[other] === star) patch[other] = state[which];
    $("next").textContent = next.toUpperCase();
    change(patch);
    say(`Star ${star} is ${which.toUpperCase()}; the next one will be ${next.toUpperCase()}`);
  }
  const pickPair = (a, b) => { change({ a: found.stars.id[a], b: found.stars.id[b] }); say(`${model.label} chosen`); };

  // ---- controls ----
  function fill(select, entries) {
    select.replaceChildren(...entries.map(([value, label]) => Object.assign(document.createElement("option"), { value, textContent: label })));
  }
  function controls() { // what the campaign offers
    const stars = found.stars.id.map((star, column) => [star, `${star}${found.stars.flags[column] ? " (flag)" : ""}`]);
    fill($("a"), stars);
    fill($("b"), stars);
    fill($("view"), found.views.map((view, number) => [number, `${view.band}, r = ${view.radius} px, ${view.method}`]));
    $("modes").replaceChildren(...found.modes.map((mode) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.innerHTML = EX.svg(14, 14, EX.marker(mode, 7, 7, 4.5), 'aria-hidden="true"') + EX.esc(mode);
      button.dataset.mode = mode;
      button.addEventListener("click", () => {
        const off = new Set(state.off);
        if (!off.delete(mode) && off.size < found.modes.length - 1) off.add(mode);
        change({ off });
      });
      return button;
    }));
    const nights = [...found.exposures.night].filter(Boolean).sort();
    for (const key of ["from", "to"]) Object.assign($(key), { min: nights[0], max: nights[nights.length - 1] });
    fill($("spectrum-mode"), found.spectra.map((one) => [one.mode, one.mode]));
    $("spectra").hidden = !found.spectra.length;
  }
  function controlsFollow() {
    for (const [id, value] of [["campaign", state.campaign], ["a", state.a], ["b", state.b], ["view", state.view], ["from", state.from], ["to", state.to], ["order", state.order]]) $(id).value = value;
    for (const button of $("modes").children) button.setAttribute("aria-pressed", String(!state.off.has(button.dataset.mode)));
    $("means").checked = state.means;
    $("outliers").checked = state.outliers;
    $("all").hidden = !state.from && !state.to && !state.off.size;
  }
  function listen() {
    const other = () => { // the address starts anew; the pair is kept in the same field, elsewhere numbers mean other stars
      const field = (name) => [...$("campaign").options].find((one) => one.value === name).dataset.field;
      const query = new URLSearchParams({ campaign: $("campaign").value });
      if (field(state.campaign) === field($("campaign").value)) { query.set("a", state.a); query.set("b", state.b); }
      history.pushState(null, "", `${location.pathname}?${query}`);
      load();
    };
    $("campaign").addEventListener("change", other);
    for (const [key, second] of [["a", "b"], ["b", "a"]]) $(key).addEventListener("change", () => {
      const star = Number($(key).value);
      change(star === state[second] ? { [key]: star, [second]: state[key] } : { [key]: star });
    });
    $("swap").addEventListener("click", () => change({ a: state.b, b: state.a }));
    $("view").addEventListener("change", () => change({ view: Number($("view").value) }));
    for (const key of ["from", "to"]) $(key).addEventListener("change", () => change({ [key]: day($(key).value) }));
    $("order").addEventListener("change", () => change({ order: $("order").value }));
    for (const key of ["means", "outliers"]) $(key).addEventListener("change", () => change({ [key]: $(key).checked }));
    $("all").addEventListener("click", () => change({ from: "", to: "", off: new Set() }));
    for (const id of ["rows", "spectra", "python"]) $(id).addEventListener("toggle", open);
    $("spectrum-mode").addEventListener("change", open);
    $("csv").addEventListener("click", () => EX.save(EX.csv(model), EX.fileName(model, "csv"), "text/csv"));
    $("ecsv").addEventListener("click", () => EX.save(EX.ecsv(model), EX.fileName(model, "ecsv"), "text/plain"));
    $("svg").addEventListener("click", () => EX.save(picture(), EX.fileName(model, "svg"), "image/svg+xml"));
    $("png").addEventListener("click", async () => EX.save(await EX.png(picture()), EX.fileName(model, "png"), "image/png"));
    addEventListener("popstate", load);
    // the switch of the whole site: the first campaign of the other kind
    new MutationObserver(() => {
      const kind = page.dataset.campaign, option = [...$("campaign").options].find((one) => one.dataset.kind === kind);
      if (option && kind !== kindOf(state.campaign)) { $("campaign").value = option.value; other(); }
    }).observe(page, { attributes: true, attributeFilter: ["data-campaign"] });
    let width = app.clientWidth;
    new ResizeObserver(() => { if (app.clientWidth !== width && model) { width = app.clientWidth; refresh(); } }).observe(app);
    new MutationObserver(() => { if (model) drawPairs(); }).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
  }
  const picture = () => EX.standalone(views.timeline.chart(), $("title").textContent, EX.sourceLine(model));

  async function open() { // what is folded is made when it is unfolded
    if ($("python").open) $("script").textContent = EX.script(model, files[state.campaign]);
    if ($("rows").open) {
      const list = found.exposures, row = (point) => `<tr><th scope="row">${EX.esc(list.night[point.e])}</th><td class="rp-text">${EX.esc(list.mode[point.e])}</td>`
        + `<td>${EX.number(EX.percentOf(point.ln, model.stats.median), 3)}</td><td>${EX.number(100 * point.err, 3)}</td><td class="rp-text">${EX.esc(point.why || "yes")}</td></tr>`;
      $("tbody").innerHTML = model.points.map(row).join("");
    }
    if ($("spectra").open && found.spectra.length) {
      const at = found, mode = $("spectrum-mode").value, spectra = await EX.spectra(found, mode);
      if (at !== found || mode !== $("spectrum-mode").value) return;
      $("spectra-title").textContent = EX.spectraChart($("spectra-chart"), spectra, [state.a, state.b], found.simulated);
      $("spectra-note").textContent = `Exposure ${spectra.exposure}, r = ${spectra.radius} px. The band is 1 sigma from photons and detector.`;
    }
  }

  async function start() {
    app = document.querySelector(".ex-app");
    if (!app) return;
    files = JSON.parse(app.dataset.files);
    views = {
      timeline: EX.timeline($("timeline"), {
        walk: (point, place) => { card($("timeline"), place, pointLines(point), found.exposures.link[point.e]); change({ point: found.exposures.id[point.e] }, false); },
        open: (point) => { location.href = found.exposures.link[point.e]; }, leave,
      }),
      strip: EX.strip($("strip"), { dates: (from, to) => change({ from, to }) }),
      field: EX.fieldMap($("field"), { reach: (column, place) => card($("field"), place, starLines(column)), pick: choose, leave }),
      matrix: EX.matrix($("matrix"), { reach: (a, b, place) => card($("matrix"), place, pairLines(a, b)), pick: pickPair, leave }),
      scatter: EX.pairScatter($("scatter"), { reach: (a, b, place) => card($("scatter"), place, pairLines(a, b)), pick: pickPair, leave }),
    };
    try {
      await load();
    } catch (error) { // the still pictures and their data take the place of the workspace
      app.classList.add("ex-failed");
      throw error;
    }
    listen();
    app.dataset.ready = "true";
    performance.mark("ex-ready");
  }
  if (document.readyState === "complete") start(); else addEventListener("DOMContentLoaded", start); // after all scripts
})();
