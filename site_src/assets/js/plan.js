/* The planner: expected scatter of a ratio from the rows of the table "prediction".

   It runs in the element with data-planner of the page Plan. Rows: [same channel, lag or null, m, v1, v2, w, probability]; see the table's columns. */
(function () {
  "use strict";
  const EX = globalThis.EX = globalThis.EX || {};
  const { px, text, line, path, stroke, fill } = EX;
  const SNR = [20, 5000], N_LEVELS = 9, FIRST_LEVEL = 0.04, STEP = 1.05, HALVINGS = 60;
  const LAGS = [[0, "two exposures of one night"], [1, "1 day apart"], [2, "2 days apart"], [4, "4 days apart"], [7, "a week apart"], [14, "2 weeks apart"],
                [30, "a month apart"], [60, "2 months apart"], [90, "3 months apart"], [180, "half a year apart"], [365, "a year apart"]];

  const variant = (rows, same, lag) => rows.filter((row) => row[0] === same && row[1] === lag);
  const std = ([, , m, low, high, weight], photons) => (1 - weight) * Math.sqrt(m * photons + low) + weight * Math.sqrt(m * photons + high);
  /* Standard deviation of ln(F1/F2) at each probability: {0.5: ..}; as Stability.predict, to rounding. */
  function predict(rows, snr1, snr2, same, lag) {
    const photons = 1 / snr1 ** 2 + 1 / snr2 ** 2;
    return Object.fromEntries(variant(rows, same, lag).map((row) => [row[6], std(row, photons)]));
  }
  /* Epochs on each side of a change of `percent`, or pairs of exposures if there is one group; as the page says. */
  const epochs = (scatter, percent, groups, sigmas) => Math.max(1, Math.ceil(groups * (sigmas * scatter / Math.log1p(percent / 100)) ** 2 - 1e-9));
  function photonsFor(row, level) { // 1/SNR1^2 + 1/SNR2^2 at which the scatter is that; NaN below the floor
    if (std(row, 0) >= level) return NaN;
    let low = 0, high = level * level;
    for (let k = 0; k < HALVINGS; k++) { const middle = (low + high) / 2; if (std(row, middle) < level) low = middle; else high = middle; }
    return low;
  }

  function levels(floor) { // in per cent, closer together towards the floor
    const found = [];
    for (let k = 0; k < N_LEVELS; k++) {
      const value = floor + FIRST_LEVEL * 2 ** k, step = value - floor < 0.15 ? 0.05 : value - floor < 1.5 ? 0.1 : 1;
      found.push(Number((Math.ceil(value / step) * step).toFixed(2)));
    }
    return [...new Set(found)];
  }
  function contour(host, rows, input, simulated) {
    const size = Math.min(Math.max(280, host.clientWidth), 520), frame = { left: 48, right: size - 14, top: 26, bottom: size - 60 };
    const x = EX.log(...SNR, frame.left, frame.right), y = EX.log(...SNR, frame.bottom, frame.top), middle = variant(rows, input.same, input.lag).find((row) => row[6] === 0.5);
    const axis = EX.logTicks(...SNR).map((value) => line(x(value), frame.top, x(value), frame.bottom, stroke("grid")) + line(frame.left, y(value), frame.right, y(value), stroke("grid"))
      + (/^[15]|^20$/.test(String(value)) ? text(x(value), frame.bottom + 16, value, `text-anchor="middle" ${fill("muted")}`) : "") + text(frame.left - 6, y(value) + 4, value, `text-anchor="end" ${fill("muted")}`)).join("");
    const floor = 100 * std(middle, 0), clip = (value) => Math.min(Math.max(value, SNR[0]), SNR[1]);
    const [at1, at2] = [x(clip(input.snr1)), y(clip(input.snr2))], chosen = EX.percent(100 * std(middle, 1 / input.snr1 ** 2 + 1 / input.snr2 ** 2));
    // What names must not cover: the chosen point, its own name, that of the limit, and one another.
    const box = (px, py, words, anchor = "middle") => { const wide = 7.5 * words.length, left = { start: px, middle: px - wide / 2, end: px - wide }[anchor]; return [left - 3, py - 13, left + wide + 3, py + 4]; };
    const left = at1 > frame.right - 90, nameAt = [at1 + (left ? -12 : 12), at2 - 9], limit = `limit of bright stars: ${EX.percent(floor)}`;
    const taken = [[at1 - 9, at2 - 9, at1 + 9, at2 + 9], box(...nameAt, chosen, left ? "end" : "start"), box(frame.right - 6, frame.top + 16, limit, "end")];
    const free = (one) => one[0] > frame.left && one[2] < frame.right && one[1] > frame.top && one[3] < frame.bottom && !taken.some((two) => one[0] < two[2] && two[0] < one[2] && one[1] < two[3] && two[1] < one[3]);
    const halo = 'paint-order="stroke" stroke="var(--ex-bg)" stroke-width="4"';
    if (simulated) taken.push(box(frame.right - 6, frame.bottom - 8, "SIMULATED", "end"));
    const names = [], lines = levels(floor).map((level) => {
      const photons = photonsFor(middle, level / 100);
      if (!(photons > 0)) return "";
      const both = Math.sqrt(2 / photons), arm = []; // from equal SNR to where A is brightest; the other arm mirrors it
      for (let k = 0; k <= 80 && both < SNR[1]; k++) {
        const one = both * (SNR[1] / both) ** (k / 80), two = 1 / Math.sqrt(photons - 1 / one ** 2);
        if (one >= SNR[0] && two >= SNR[0]) arm.push([one, two]);
      }
      const points = [...arm.map(([one, two]) => [two, one]).reverse(), ...arm].map(([one, two]) => [x(one), y(two)]);
      // its name stands on the line, at equal SNR or as near to it as there is room
      const name = `${level} %`, places = points.map((_, k) => points[Math.floor(points.length / 2) + (k % 2 ? -1 : 1) * Math.ceil(k / 2)]).filter(Boolean);
      const place = places.find(([px, py]) => free(box(px, py + 4, name)));
      if (place) {
        taken.push(box(place[0], place[1] + 4, name));
        names.push(text(place[0], place[1] + 4, name, `text-anchor="middle" class="plan-level" ${fill("fg")} ${halo}`));
      }
      return path(points, stroke("star", 1.6));
    });
    const floorWords = floor > 0 ? text(frame.right - 6, frame.top + 16, limit, `text-anchor="end" font-size="11" ${fill("fg")} ${halo}`) : "";
    const mark = simulated ? text(frame.right - 6, frame.bottom - 8, "SIMULATED", `text-anchor="end" ${fill("watermark", ";font-weight:700")} ${halo}`) : "";
    host.innerHTML = EX.svg(size, size - 16, axis + lines.join("") + names.join("") + line(frame.left, frame.bottom, frame.right, frame.bottom, stroke("muted")) + line(frame.left, frame.top, frame.left, frame.bottom, stroke("muted"))
      + text(2, 14, "SNR of B", fill("fg", ";font-weight:600")) + text(frame.right, frame.bottom + 34, "SNR of A", `text-anchor="end" ${fill("fg", ";font-weight:600")}`) + floorWords + mark
      + `<circle cx="${px(at1)}" cy="${px(at2)}" r="7" ${stroke("accent", 2.6)}/>` + text(...nameAt, chosen, `${left ? 'text-anchor="end" ' : ""}${fill("fg", ";font-weight:700")} class="plan-chosen" ${halo}`), 'aria-hidden="true"');
    const back = (value, from, to) => SNR[0] * (SNR[1] / SNR[0]) ** ((value - from) / (to - from));
    return (event) => { // the two SNR under a pointer
      const seen = host.querySelector("svg").getBoundingClientRect(), scale = size / seen.width;
      return [back((event.clientX - seen.left) * scale, frame.left, frame.right), back((event.clientY - seen.top) * scale, frame.bottom, frame.top)];
    };
  }

  async function planner(root) {
    const data = await RP.data("explore/plan"), names = Object.keys(data), query = new URLSearchParams(location.search);
    const field = (name) => root.querySelector(`[name="${name}"]`), part = (name) => root.querySelector(`.plan-${name}`);
    const positive = (name, fallback) => { const value = Number((field(name) || {}).value); return value > 0 ? value : fallback; };
    const named = (asked) => names.includes(asked) ? asked : names.find((one) => asked === (data[one].simulated ? "simulated" : "observed")); // by name or kind
    let under = null;
    const chosen = () => {
      const name = field("campaign").value || named("observed") || names[0];
      const lag = field("lag").value === "" ? null : Number(field("lag").value);
      return { name, rows: data[name].rows, simulated: data[name].simulated, snr1: positive("snr1", NaN), snr2: positive("snr2", NaN),
               same: field("same").checked && !field("same").disabled, lag, change: positive("change", NaN) };
    };
    function write(input) {
      const found = predict(input.rows, input.snr1, input.snr2, input.same, input.lag), pct = (value) => EX.number(100 * value, 2);
      const answer = part("answer");
      if (!(input.snr1 > 0 && input.snr2 > 0)) { answer.textContent = "Enter two SNR values above 0."; part("epochs").textContent = ""; return; }
      const what = input.lag === null ? "the ratio to scatter" : "the difference of two ratios to scatter";
      answer.textContent = `Expect ${what} by ${pct(found[0.5])} % (1\u03c3).`;
      answer.append(Object.assign(document.createElement("small"), { textContent: ` 68 %: ${pct(found[0.16])} to ${pct(found[0.84])} %. 95 %: ${pct(found[0.025])} to ${pct(found[0.975])} %.${input.simulated ? " Simulated." : ""}` }));
      answer.dataset.raw = JSON.stringify(found);
      const groups = input.lag === null ? Number(root.dataset.groups) : 1, sigmas = Number(root.dataset.sigmas);
      const count = (level) => epochs(found[level], input.change, groups, sigmas), [low, middle, high] = [0.025, 0.5, 0.975].map(count);
      part("epochs").textContent = !(input.change > 0) ? "" : input.lag === null
        ? `A change of ${EX.short(input.change)} % is detected at ${sigmas}\u03c3 with ${middle} epoch${middle === 1 ? "" : "s"} before and after it (${low} to ${high}).`
        : `A change of ${EX.short(input.change)} % is detected at ${sigmas}\u03c3 with ${middle} such pair${middle === 1 ? "" : "s"} of exposures (${low} to ${high}).`;
      part("epochs").dataset.raw = JSON.stringify([low, middle, high]);
      part("sim").hidden = !input.simulated;
      EX.tellKind(input.simulated);
      under = contour(part("chart"), input.rows, input, input.simulated);
    }
    function address(input) {
      const now = new URLSearchParams({ campaign: input.name, snr1: input.snr1, snr2: input.snr2, change: input.change });
      if (input.lag !== null) now.set("lag", input.lag);
      if (input.same) now.set("same", "1");
      return `${location.pathname}?${now}${location.hash}`;
    }
    const update = (entry) => {
      const input = chosen();
      const able = input.rows.some((row) => row[0]);
      field("same").disabled = !able;
      for (const why of root.querySelectorAll(".plan-why")) why.hidden = able || why.dataset.of !== input.name;
      for (const limit of root.querySelectorAll(".plan-limit")) limit.hidden = limit.dataset.of !== input.name;
      write(chosen());
      if (entry && address(input) !== location.pathname + location.search + location.hash) history.pushState(null, "", address(input));
    };
    function restore() {
      const asked = new URLSearchParams(location.search);
      for (const name of ["snr1", "snr2", "change"]) if (Number(asked.get(name)) > 0) field(name).value = asked.get(name);
      const wanted = named(asked.get("campaign"));
      if (wanted) field("campaign").value = wanted;
      field("lag").value = LAGS.some(([lag]) => String(lag) === asked.get("lag")) ? asked.get("lag") : "";
      field("same").checked = asked.get("same") === "1";
      update(false);
    }
    const to = (snr1, snr2) => {
      const tidy = (value) => Number(Math.min(SNR[1], Math.max(SNR[0], value)).toPrecision(3));
      field("snr1").value = tidy(snr1); field("snr2").value = tidy(snr2);
      update(true);
    };

    async function stars() { // SNR of the field's own stars, in the apertures that were measured
      const name = chosen().name, found = await RP.data("explore/" + name), ids = found.stars.id;
      const options = (select, entries) => { const before = select.value; select.replaceChildren(...entries.map(([value, label]) => Object.assign(document.createElement("option"), { value, textContent: label }))); if (entries.some(([value]) => String(value) === before)) select.value = before; };
      options(field("star1"), ids.map((star, k) => [k, star]));
      options(field("star2"), ids.map((star, k) => [k, star]));
      if (field("star1").value === field("star2").value) field("star2").selectedIndex = 1;
      options(field("aperture"), found.views.map((view, k) => [k, `${view.band}, r = ${view.radius} px`]));
      return found;
    }
    async function take() {
      const found = await stars(), one = Number(field("star1").value), two = Number(field("star2").value), view = found.views[Number(field("aperture").value)];
      const channel = found.stars.channel, explore = new URLSearchParams({ campaign: chosen().name, a: found.stars.id[one], b: found.stars.id[two], r: view.radius, band: view.band });
      part("explore").href = `explore.html?${explore}`;
      if (!(view.snr[one] > 0 && view.snr[two] > 0)) { part("answer").textContent = "One of these stars has no SNR in this aperture."; return; }
      field("same").checked = channel[one] > 0 && channel[one] === channel[two];
      to(view.snr[one], view.snr[two]);
    }

    root.querySelector("form").addEventListener("input", () => update(true));
    root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    field("lag").replaceChildren(...[["", "one exposure with the year's mean"], ...LAGS].map(([value, label]) => Object.assign(document.createElement("option"), { value, textContent: label })));
    const chart = part("chart"), folded = part("stars");
    chart.addEventListener("click", (event) => { if (under) to(...under(event)); });
    chart.addEventListener("keydown", (event) => {
      const [one, two] = { ArrowRight: [STEP, 1], ArrowLeft: [1 / STEP, 1], ArrowUp: [1, STEP], ArrowDown: [1, 1 / STEP] }[event.key] || [0, 0];
      if (one) { event.preventDefault(); to(chosen().snr1 * one, chosen().snr2 * two); }
    });
    const able = () => { folded.hidden = !data[chosen().name].explore; };
    field("campaign").addEventListener("change", () => { able(); if (folded.open) take(); });
    folded.addEventListener("toggle", () => { if (folded.open) stars(); });
    folded.addEventListener("change", take);
    addEventListener("popstate", restore);
    new MutationObserver(() => { // the switch of the whole site
      const wanted = named(document.documentElement.dataset.campaign);
      if (wanted && data[wanted].simulated !== chosen().simulated) { field("campaign").value = wanted; update(true); able(); }
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-campaign"] });
    new ResizeObserver(() => { under = contour(chart, chosen().rows, chosen(), chosen().simulated); }).observe(chart.parentElement);
    restore();
    able();
    root.dataset.ready = "true";
  }
  Object.assign(EX, { predict, epochs });
  const start = () => { for (const root of document.querySelectorAll("[data-planner]")) planner(root); };
  if (document.readyState === "complete") start(); else addEventListener("DOMContentLoaded", start); // after all scripts
})();
