/* The view as files: CSV, ECSV, and a Python script that makes the same numbers from the published table. */
(function () {
  "use strict";
  const EX = globalThis.EX = globalThis.EX || {};
  const COLUMNS = [
    ["exposure_id", "string", "", "identity of the exposure"], ["night", "string", "", "UT date of exposure start minus 12 h"],
    ["mode", "string", "", "instrument mode"], ["mjd", "float64", "d", "mid-exposure, or the midnight of the night"],
    ["star_a", "int64", "", "star in the numerator"], ["star_b", "int64", "", "star in the denominator"],
    ["ln_ratio", "float64", "", "ln(A/B)"], ["ln_ratio_err", "float64", "", "1 sigma, photons and detector; of the record from the SNR in its reference exposure"],
    ["percent", "float64", "", "A/B about its median, in per cent"], ["used", "bool", "", "counts in the statistics"],
    ["reason", "string", "", "why a point does not count"],
  ];
  const MJD_OF_1970 = 40587, DAY_MS = 86400000;

  function source(model) { // one line for every picture and file
    const found = model.found, kind = found.simulated ? "SIMULATED, not observed" : "observed";
    const words = `${found.title} (${found.name}), ${kind}; ${model.view.band}, r = ${model.view.radius} px, ${model.view.method}; version ${found.version}`;
    return words.replace(/\s+/g, " "); // a line, also where a title has several
  }
  function fileName(model, suffix) {
    const kind = model.found.simulated ? "-simulated" : "";
    return `${model.found.name.replace(/-simulated$/, "")}${kind}-${model.label.replace("/", "-")}-${model.view.band}-r${model.view.radius}.${suffix}`;
  }
  function rows(model) {
    const list = model.found.exposures, [a, b] = model.label.split("/");
    return model.points.map((point) => [list.id[point.e], list.night[point.e], list.mode[point.e], point.ms / DAY_MS + MJD_OF_1970, a, b,
      point.ln, point.err, EX.percentOf(point.ln, model.stats.median), point.why ? "False" : "True", point.why]);
  }
  const cell = (value, quoted) => typeof value === "number" ? (Number.isFinite(value) ? String(value) : quoted ? '""' : "nan")
    : /[",\s#]/.test(value) || value === "" ? `"${String(value).replace(/"/g, '""')}"` : String(value);

  function csv(model) { // no comment lines, so that every reader opens it; what it is stands in columns
    const head = [...COLUMNS.map(([name]) => name), "campaign", "simulated", "version"].join(",");
    const tail = [model.found.name, model.found.simulated ? "True" : "False", model.found.version];
    return [head, ...rows(model).map((row) => [...row, ...tail].map((value) => cell(value)).join(","))].join("\n") + "\n";
  }
  function ecsv(model) {
    const quoted = (words) => JSON.stringify(words);
    const about = { campaign: model.found.name, title: model.found.title, simulated: model.found.simulated, version: model.found.version,
                    band: model.view.band, radius_px: model.view.radius, method: model.view.method, source: source(model) };
    const head = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:",
      ...COLUMNS.map(([name, type, unit, words]) => `- {name: ${name}, ${unit ? `unit: ${unit}, ` : ""}datatype: ${type}, description: ${quoted(words)}}`),
      "meta: !!omap", ...Object.entries(about).map(([key, value]) => `- {${key}: ${quoted(value)}}`), "schema: astropy-2.0"];
    return [...head.map((words) => `# ${words}`), COLUMNS.map(([name]) => name).join(","),
      ...rows(model).map((row) => row.map((value) => cell(value, false)).join(","))].join("\n") + "\n";
  }

  function script(model, files) { // reads the published files; runs beside the folder data/
    const found = model.found, [a, b] = model.label.split("/"), shown = found.modes.filter((mode) => !model.state.off.has(mode));
    const dates = [["first", ">=", model.state.from], ["last", "<=", model.state.to]].filter(([, , day]) => day); // only those that were chosen
    const py = (words) => JSON.stringify(words), log = model.view.log;
    const lines = [
      `# ${source(model)}`,
      "# Needs astropy and numpy; run it in the folder of the site, which holds data/.",
      "import numpy as np", "from astropy.table import Table, join", "",
      `table = Table.read(${py(files.fluxes)}, mask_invalid=False)`,
      `exposures = Table.read(${py(files.exposures)}, mask_invalid=False)`,
      `A, B = ${a}, ${b}`,
      ...(log ? [] : [`band, radius_px, method = ${py(model.view.band)}, ${model.view.radius}, ${py(model.view.method)}`]),
      `modes = ${py(shown)}`,
      ...dates.map(([name, , day]) => `${name} = ${py(day)}`), "",
      'exposures = exposures[(exposures["status"] == "ok")' + (model.state.outliers ? "]" : ` & ~(exposures["bad_probability"] > ${files.bad})]`),
      'exposures = exposures[np.isin(np.asarray(exposures["mode"], str), modes)]',
      ...dates.map(([name, sign]) => `exposures = exposures[np.asarray(exposures["night"], str) ${sign} ${name}]`),
      ...(log ? [
        'table["value"], table["error"] = table["ln_flux"], table["ln_flux_err"]',
      ] : [
        'table = table[(table["band"] == band) & np.isclose(table["radius_px"], radius_px)]',
        'table = table[(table["method"] == method) & (table["flags"] == "")]',
        'flux, flux_err = (np.asarray(table[name], float) for name in ("flux", "flux_err"))',
        'table["value"], table["error"] = np.log(np.where(flux > 0, flux, np.nan)), flux_err / flux',
      ]),
      'table["id"], exposures["id"] = (np.asarray(one["exposure_id"], str) for one in (table, exposures))',
      'columns, by_id = ["id", "value", "error"], {"keys": "id", "metadata_conflicts": "silent"}',
      'pair = join(table[table["star_id"] == A][columns], table[table["star_id"] == B][columns], **by_id)',
      'pair = join(pair, exposures[["id"]], **by_id)',
      'ln_ratio = np.asarray(pair["value_1"] - pair["value_2"], float)',
      'error = np.hypot(pair["error_1"], pair["error_2"])[np.isfinite(ln_ratio)]',
      "ln_ratio = ln_ratio[np.isfinite(ln_ratio)]", "",
      'print("n", len(ln_ratio))',
      'print("std", repr(float(np.std(ln_ratio, ddof=1))))',
      'print("robust", repr(float(1.4826 * np.median(np.abs(ln_ratio - np.median(ln_ratio))))))',
      'print("expected", repr(float(np.sqrt(np.mean(np.square(error[np.isfinite(error)]))))))',
    ];
    return lines.join("\n") + "\n";
  }
  Object.assign(EX, { sourceLine: source, fileName, csv, ecsv, script });
})();
