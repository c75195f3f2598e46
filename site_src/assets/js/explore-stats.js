/* Statistics of one series, as pipeline.statistics.scatter and pipeline.statistics.excess define them.

   A test compares each with Python. Values and errors are arrays of one length; NaN: missing. */
(function () {
  "use strict";
  const EX = globalThis.EX = globalThis.EX || {};
  const MAD_TO_STD = 1.4826; // 1 / the 75 % quantile of the normal distribution
  const STEPS = 60, TOLERANCE = 1e-9, MIN_POINTS = 3; // of the excess: one parameter and two to spare

  const known = (values) => Float64Array.from(values).filter(Number.isFinite);
  const sum = (values, of = (value) => value) => {
    let total = 0;
    for (let k = 0; k < values.length; k++) total += of(values[k], k);
    return total;
  };

  function quantile(sorted, share) { // linear between the two neighbours
    if (!sorted.length) return NaN;
    const at = share * (sorted.length - 1), low = Math.floor(at), high = Math.ceil(at);
    return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
  }
  function median(values) {
    const sorted = known(values).sort(), n = sorted.length;
    return n ? (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2 : NaN;
  }
  function std(values) { // sample standard deviation, ddof 1
    const used = known(values), n = used.length;
    if (n < 2) return NaN;
    const mean = sum(used) / n;
    return Math.sqrt(sum(used, (value) => (value - mean) ** 2) / (n - 1));
  }
  function robust(values) { // 1.4826 times the median absolute deviation
    const middle = median(values);
    return MAD_TO_STD * median(known(values).map((value) => Math.abs(value - middle)));
  }
  function expected(values, errors) { // root mean square of the errors
    const used = known(errors.filter((error, k) => Number.isFinite(values[k])));
    return used.length ? Math.sqrt(sum(used, (error) => error * error) / used.length) : NaN;
  }

  /* Scatter beyond the errors by restricted maximum likelihood; `err` is the longer side of its 68 %
     interval, cut at 0: pipeline.statistics.excess.excess_scatter for a constant mean. */
  function excess(values, errors) {
    const rows = [...values.keys()].filter((k) => Number.isFinite(values[k]) && Number.isFinite(errors[k]));
    const y = rows.map((k) => values[k]), variance = rows.map((k) => errors[k] ** 2), n = y.length;
    if (n < MIN_POINTS) return { std: NaN, err: NaN };
    const least = Math.max(1e-12 * Math.max(...y.map(Math.abs)), 1e-150) ** 2;
    const mean = sum(y) / n, scale = sum(y, (value) => (value - mean) ** 2) / (n - 1);
    const score = (u) => {
      const w = variance.map((v) => 1 / Math.max(v + u, least));
      const a = sum(w), b = sum(w, (x) => x * x), c = sum(w, (x) => x * x * x);
      const about = sum(w, (x, k) => x * y[k]) / a;
      const information = b - 2 * c / a + (b / a) ** 2;
      return [sum(w, (x, k) => (x * (y[k] - about)) ** 2) - (a - b / a), information > 0 ? information : 1];
    };
    let u = Math.max(scale - sum(variance) / n, 0);
    for (let round = 0; round < STEPS; round++) {
      const [slope, information] = score(u), next = Math.max(u + slope / information, 0), step = next - u;
      u = next;
      if (Math.abs(step) <= TOLERANCE * scale) break;
    }
    const uErr = Math.sqrt(2 / score(u)[1]), found = Math.sqrt(u);
    return { std: found, err: Math.max(Math.sqrt(u + uErr) - found, found - Math.sqrt(Math.max(u - uErr, 0))) };
  }

  function summary(values, errors) {
    const beyond = excess(values, errors);
    return { n: known(values).length, std: std(values), robust: robust(values), expected: expected(values, errors),
             excess: beyond.std, excessErr: beyond.err, median: median(values) };
  }
  Object.assign(EX, { median, std, robust, expected, excess, summary, quantile });
})();
