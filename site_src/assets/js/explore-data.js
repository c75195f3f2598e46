/* Campaigns and their fluxes: loads the scripts that pipeline.report.downloads.explore_data wrote. */
(function () {
  "use strict";
  const EX = globalThis.EX = globalThis.EX || {};
  const TYPES = { f4: Float32Array, f8: Float64Array, u1: Uint8Array };
  const MJD_OF_1970 = 40587, DAY_MS = 86400000;

  const load = (name) => RP.data("explore/" + name);

  function unpacked(packed) { // little-endian bytes in base64
    const text = atob(packed.data), bytes = new Uint8Array(text.length);
    for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
    return new TYPES[packed.type](bytes.buffer);
  }

  async function campaign(name) {
    const found = Object.assign({}, await load(name)), list = found.exposures;
    found.n = list.id.length;
    // without a time, the midnight that ends the night's date
    found.ms = list.night.map((night, e) => list.mjd[e] === null || list.mjd[e] === undefined
      ? Date.parse(night + "T00:00:00Z") + DAY_MS : (list.mjd[e] - MJD_OF_1970) * DAY_MS);
    found.modes = [...new Set(list.mode)].sort();
    found.column = new Map(found.stars.id.map((star, column) => [star, column]));
    found.row = new Map(list.id.map((id, e) => [id, e]));
    found.loaded = new Map();
    return found;
  }

  /* ln F of all stars in one band and aperture, and their errors: arrays [star][exposure], NaN where
     missing. `after` is called after each part; parts are years, so the first is soon there. */
  async function fluxes(found, number, after) {
    const view = found.views[number];
    if (!found.loaded.has(number)) found.loaded.set(number, blank(found, view));
    const grid = found.loaded.get(number);
    for (const part of view.parts.slice(grid.parts)) {
      put(grid, view, part, await load(part.file), found.stars.id.length);
      if (++grid.parts < view.parts.length && after) after(grid);
    }
    return grid;
  }
  function blank(found, view) {
    const rows = () => found.stars.id.map(() => new Float64Array(found.n).fill(NaN));
    return { parts: 0, ln: rows(), err: rows(), flag: found.stars.id.map(() => new Array(found.n).fill("")), snr: view.snr };
  }
  function put(grid, view, part, chunk, nStars) {
    if (grid.parts === view.parts.length) return;
    const flux = unpacked(chunk.flux), err = unpacked(chunk.err), flag = chunk.flag && unpacked(chunk.flag);
    for (let star = 0, at = 0; star < nStars; star++)
      for (let e = part.start; e < part.start + part.n; e++, at++) {
        const value = flux[at];
        grid.ln[star][e] = view.log ? value : value > 0 ? Math.log(value) : NaN;
        grid.err[star][e] = view.log ? err[at] : err[at] / value;
        if (flag) grid.flag[star][e] = chunk.flags[flag[at]];
      }
  }

  /* The exposures that a reader looks at: of the chosen modes and nights, counted or not. */
  function chosen(found, state) {
    const list = found.exposures, rows = [];
    for (let e = 0; e < found.n; e++)
      if (!state.off.has(list.mode[e]) && (!state.from || list.night[e] >= state.from) && (!state.to || list.night[e] <= state.to))
        rows.push(e);
    return rows;
  }
  const counts = (reason, outliers) => !reason || (outliers && reason.startsWith("outlier"));

  /* ln(A/B) of these exposures, one point each; `why` says why a point does not count. */
  function ratio(found, grid, a, b, rows, outliers) {
    const reasons = found.exposures.reason, points = [];
    for (const e of rows) {
      const value = grid.ln[a][e] - grid.ln[b][e], flags = grid.flag[a][e] || grid.flag[b][e];
      const why = counts(reasons[e], outliers) ? flags || (Number.isFinite(value) ? "" : "no flux") : reasons[e];
      points.push({ e, ms: found.ms[e], ln: value, err: Math.hypot(grid.err[a][e], grid.err[b][e]), why });
    }
    return points.sort((one, two) => one.ms - two.ms);
  }
  function nightly(found, points) { // plain means of ln(A/B)
    const nights = new Map();
    for (const point of points) if (!point.why) {
      const night = found.exposures.night[point.e];
      if (!nights.has(night)) nights.set(night, []);
      nights.get(night).push(point);
    }
    const mean = (list, key) => list.reduce((total, point) => total + point[key], 0) / list.length;
    return [...nights.values()].map((list) => ({ ms: mean(list, "ms"), ln: mean(list, "ln"), n: list.length }));
  }

  /* Standard deviation of ln(A/B) of every pair, slice by slice so that the page stays responsive.
     Calls `done` with {a, b, std, snr}; a later call makes an earlier one stop. */
  let run = 0;
  const SLICE_MS = 12;
  function allPairs(found, grid, rows, outliers, done) {
    const mine = ++run, stars = found.stars.id, used = rows.filter((e) => counts(found.exposures.reason[e], outliers));
    const columns = stars.map((_, star) => {
      const values = Float64Array.from(used, (e) => grid.flag[star][e] ? NaN : grid.ln[star][e]);
      const middle = EX.median(values); // keeps digits: the sums below are of small numbers
      return values.map((value) => value - middle);
    });
    const a = [], b = [], std = [], snr = [];
    let i = 0, j = 1;
    const step = () => {
      if (mine !== run) return;
      const until = performance.now() + SLICE_MS;
      while (i < stars.length - 1) {
        a.push(i); b.push(j); std.push(spread(columns[i], columns[j]));
        snr.push(1 / Math.hypot(1 / (grid.snr[i] ?? NaN), 1 / (grid.snr[j] ?? NaN)));
        if (++j === stars.length) { i++; j = i + 1; }
        if (performance.now() > until) return void setTimeout(step);
      }
      done({ a, b, std, snr });
    };
    setTimeout(step);
  }
  function spread(one, two) {
    let n = 0, total = 0, squares = 0;
    for (let k = 0; k < one.length; k++) {
      const value = one[k] - two[k];
      if (value === value) { n++; total += value; squares += value * value; }
    }
    return n > 1 ? Math.sqrt(Math.max(squares - total * total / n, 0) / (n - 1)) : NaN;
  }

  async function spectra(found, mode) {
    const entry = found.spectra.find((one) => one.mode === mode);
    if (!entry) return null;
    const chunk = await load(entry.file);
    if (!chunk.values) Object.assign(chunk, { values: unpacked(chunk.flux), errors: unpacked(chunk.err) });
    const n = chunk.wave.length;
    const of = (star) => {
      const row = chunk.stars.indexOf(star);
      return row < 0 ? null : { flux: chunk.values.subarray(row * n, row * n + n), err: chunk.errors.subarray(row * n, row * n + n) };
    };
    return { exposure: chunk.exposure, radius: chunk.radius, unit: chunk.unit, wave: chunk.wave, of };
  }
  Object.assign(EX, { campaign, fluxes, chosen, ratio, nightly, allPairs, spectra });
})();
