/* Spectra of the two stars and their ratio, with errors, in the exposure that the report shows. */
(function () {
  "use strict";
  const EX = globalThis.EX = globalThis.EX || {};
  const { px, text, line, stroke, fill } = EX;
  const PANEL = 130, GAP = 26;

  const RAISED = { "-": "\u207b", 0: "\u2070", 1: "\u00b9", 2: "\u00b2", 3: "\u00b3" }, raised = (words) => words.replace(/[-0-3]/g, (sign) => RAISED[sign]);
  const inWords = (unit) => unit === "10**(-20)*erg/s/cm**2/Angstrom" ? `10${raised("-20")} erg s${raised("-1")} cm${raised("-2")} \u00c5${raised("-1")}` : unit; // as MUSE cubes have it

  function runs(values) { // stretches without a gap
    const found = [];
    let list = [];
    values.forEach((value, k) => { if (Number.isFinite(value)) list.push(k); else if (list.length) { found.push(list); list = []; } });
    if (list.length) found.push(list);
    return found;
  }
  function panel(at, top, series, words, unit) {
    const sorted = Float64Array.from(series.value.filter(Number.isFinite)).sort();
    if (!sorted.length) return text(at.left, top + 30, `${words}: no data`, fill("muted"));
    const low = EX.quantile(sorted, 0.005), high = EX.quantile(sorted, 0.995), margin = 0.15 * (high - low || Math.abs(high) || 1);
    const y = EX.linear(low - margin, high + margin, top + PANEL, top), clip = (value) => Math.min(Math.max(y(value), top), top + PANEL);
    const grid = EX.ticks(low - margin, high + margin, 4).map((value) => line(at.left, y(value), at.right, y(value), stroke("grid")) + text(at.left - 6, y(value) + 4, EX.short(value), `text-anchor="end" font-size="11" ${fill("muted")}`)).join("");
    const drawn = runs(series.value).map((list) => {
      const edge = (sign) => list.map((k) => `${px(at.x(at.wave[k]))} ${px(clip(series.value[k] + sign * (series.err[k] || 0)))}`);
      const middle = list.map((k) => `${px(at.x(at.wave[k]))} ${px(clip(series.value[k]))}`);
      return `<path d="M${edge(1).join("L")}L${edge(-1).reverse().join("L")}Z" ${fill("band")}/><path d="M${middle.join("L")}" ${stroke("star", 1.3)}/>`;
    }).join("");
    return grid + drawn + text(2, top - 7, words, fill("fg", ";font-weight:600")) + text(at.right, top - 7, unit, `text-anchor="end" font-size="11" ${fill("muted")}`);
  }
  function title(spectra, stars, value) { // by how much the ratio changes from the blue end to the red one
    const known = value.map((one, k) => [spectra.wave[k], one]).filter(([, one]) => Number.isFinite(one)), tenth = Math.ceil(known.length / 10);
    if (!tenth) return "";
    const level = (list) => EX.median(list.map(([, one]) => one)), [blue, red] = [level(known.slice(0, tenth)), level(known.slice(-tenth))], change = 100 * (red / blue - 1);
    return `${stars[0]}/${stars[1]} ${change < 0 ? "falls" : "rises"} by ${EX.number(Math.abs(change), 1)} % from ${Math.round(known[0][0])} to ${Math.round(known[known.length - 1][0])} \u00c5`;
  }
  function spectraChart(host, spectra, stars, simulated) {
    const width = Math.max(280, host.clientWidth), [one, two] = stars.map((star) => spectra.of(star));
    if (!one || !two) { host.textContent = "One of these stars has no spectrum in this mode."; return ""; }
    const wave = spectra.wave, at = { wave, left: 58, right: width - 8, x: EX.linear(wave[0], wave[wave.length - 1], 58, width - 8) };
    const value = wave.map((_, k) => one.flux[k] / two.flux[k]);
    const err = wave.map((_, k) => Math.abs(value[k]) * Math.hypot(one.err[k] / one.flux[k], two.err[k] / two.flux[k]));
    const plain = (star) => ({ value: Array.from(star.flux), err: Array.from(star.err) });
    const tops = [0, 1, 2].map((k) => 24 + k * (PANEL + GAP)), height = tops[2] + PANEL + 36, bottom = tops[2] + PANEL;
    const axis = EX.ticks(wave[0], wave[wave.length - 1], width < 560 ? 4 : 8).map((tick) => line(at.x(tick), bottom, at.x(tick), bottom + 4, stroke("muted")) + text(at.x(tick), bottom + 17, EX.short(tick), `text-anchor="middle" ${fill("muted")}`)).join("");
    const mark = simulated ? text(at.right - 4, bottom - 8, "SIMULATED", `text-anchor="end" ${fill("watermark", ";font-weight:700")} paint-order="stroke" stroke="var(--ex-bg)" stroke-width="4"`) : "";
    host.innerHTML = EX.svg(width, height, panel(at, tops[0], plain(one), `A: star ${stars[0]}`, inWords(spectra.unit)) + panel(at, tops[1], plain(two), `B: star ${stars[1]}`, inWords(spectra.unit))
      + panel(at, tops[2], { value, err }, "A/B", "") + axis + line(at.left, bottom, at.right, bottom, stroke("muted")) + text(at.right, height - 3, "Wavelength in air [\u00c5]", `text-anchor="end" ${fill("fg")}`) + mark,
      `role="img" aria-label="Spectra of star ${stars[0]}, star ${stars[1]}, and their ratio; the bands are 1 sigma."`);
    return title(spectra, stars, value);
  }
  Object.assign(EX, { spectraChart });
})();
