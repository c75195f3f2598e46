/* Any exposure of a large campaign, or the list of a year: exposure.html?id=CAMPAIGN/YEAR/EXPOSURE.
   The year's script holds its exposures. Scripts, not fetch(): it also works on file://. */
(function () {
  "use strict";
  const ROOT = new URL("../../", document.currentScript.src), FOLDER = "assets/figures/exposures/";
  const store = new Map(), LEFT = 52, RIGHT = 8, TOP = 8, BOTTOM = 34, MARK_PX = [72, 16], HEAD_PX = 6, MISSING = -32768, STEP = 0.01, FARTHEST = 6, ARROW = 0.06;
  window.RP = { put: (id, value) => store.set(id, value) };

  function load(name) {
    return new Promise((done, failed) => {
      const tag = document.createElement("script");
      tag.src = new URL(FOLDER + name + ".js", ROOT).href;
      tag.onload = () => done(store.get("exposures/" + name));
      tag.onerror = () => failed(new Error("nothing is known of " + name));
      document.head.append(tag);
    });
  }
  const make = (tag, text, attributes) => Object.assign(document.createElement(tag), text === undefined ? {} : { textContent: text }, attributes);
  const link = (text, href) => make("a", text, { href });
  const address = (campaign, year, id) => `?id=${campaign}/${year}${id ? `/${encodeURIComponent(id)}` : ""}`;
  const short = (value) => String(Number(value.toPrecision(6))).replace("-", "\u2212");
  const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(2)} %`;

  function residualsOf(chunk, row, count) { // of the stars in one exposure [%]
    const bytes = Uint8Array.from(atob(chunk.residuals.data), (letter) => letter.charCodeAt(0));
    const all = new Int16Array(bytes.buffer).subarray(row * count, (row + 1) * count);
    return [...all].map((value) => (value === MISSING ? NaN : value * STEP));
  }

  // ---- drawings, as those of the pages of single exposures ----
  const svgTag = (name, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  function ticks(low, high) {
    const raw = (high - low) / 4, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= raw);
    const found = [];
    for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + 1e-9 * step; value += step) found.push(value);
    return found;
  }
  const short1 = (value) => Math.round(value * 10) / 10;
  function arrow(x0, y0, x1, y1) { // with a head, as figures/small_svg.py draws it
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (!length) return [];
    const ux = (x1 - x0) / length, uy = (y1 - y0) / length, head = Math.min(HEAD_PX, 0.6 * length);
    const [a, b] = [1, -1].map((side) => `${short1(x1 - head * (ux - side * 0.5 * uy))} ${short1(y1 - head * (uy + side * 0.5 * ux))}`);
    const tip = `${short1(x1)} ${short1(y1)}`;
    return [svgTag("path", { class: "rp-s-c", d: `M${short1(x0)} ${short1(y0)}L${tip}M${a}L${tip}L${b}` })];
  }
  function mark(x, y, r, mode, title) { // AO has one hue and is round, no AO another and is square; N is filled and E open
    const ao = /-AO-/.test(mode), kind = !mode ? "rp-s-c" : `rp-s-${ao ? "a" : "b"}${/-E$/.test(mode) ? " rp-s-open" : ""}`, half = 0.88 * r;
    const node = !mode || ao ? svgTag("circle", { class: kind, cx: x, cy: y, r }) : svgTag("rect", { class: kind, x: x - half, y: y - half, width: 2 * half, height: 2 * half });
    node.append(svgTag("title", {}, title));
    return node;
  }
  function drawing({ x, y, titles, xTitle, yTitle, label, width, height, zero, arrows = [], key, simulated, mode }) {
    const span = (values) => { const low = Math.min(...values), high = Math.max(...values), pad = 0.06 * (high - low) || 1; return [low - pad, high + pad]; };
    const good = x.map((_, k) => k).filter((k) => Number.isFinite(x[k]) && Number.isFinite(y[k]));
    const [x0, x1] = span(good.map((k) => x[k])), [y0, y1] = span(good.map((k) => y[k]));
    const px = (value) => LEFT + (value - x0) / (x1 - x0) * (width - LEFT - RIGHT), py = (value) => TOP + (y1 - value) / (y1 - y0) * (height - TOP - BOTTOM);
    const svg = svgTag("svg", { class: "rp-small", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    const bottom = height - BOTTOM;
    svg.append(svgTag("path", { class: "rp-s-axis", d: `M${LEFT} ${TOP}V${bottom}H${width - RIGHT}` }));
    if (zero && y0 < 0 && y1 > 0) svg.append(svgTag("path", { class: "rp-s-zero", d: `M${LEFT} ${py(0)}H${width - RIGHT}` }));
    for (const value of ticks(y0, y1)) svg.append(svgTag("text", { x: LEFT - 5, y: py(value), dy: ".32em", "text-anchor": "end" }, short(value)));
    for (const value of ticks(x0, x1)) svg.append(svgTag("text", { x: px(value), y: bottom + 13, "text-anchor": "middle" }, short(value)));
    svg.append(svgTag("text", { x: (LEFT + width - RIGHT) / 2, y: height - 4, "text-anchor": "middle" }, xTitle));
    svg.append(svgTag("text", { transform: `translate(11 ${(TOP + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, yTitle));
    for (const [ax, ay, bx, by] of arrows) svg.append(...arrow(px(ax), py(ay), px(bx), py(by)));
    if (key) {
      const end = LEFT + px(x0 + key[0]) - px(x0);
      svg.append(...arrow(LEFT, height - 8, end, height - 8), svgTag("text", { x: end + 5, y: height - 4 }, key[1]));
    }
    for (const k of good) svg.append(mark(px(x[k]), py(y[k]), 2.6, mode, titles[k]));
    if (simulated) {
      // In the corner of the axes where the word covers the fewest points.
      const covered = ([left, low]) => {
        const ax = left ? LEFT : width - RIGHT - MARK_PX[0], ay = low ? bottom - MARK_PX[1] : TOP;
        return good.filter((k) => px(x[k]) >= ax && px(x[k]) <= ax + MARK_PX[0] && py(y[k]) >= ay && py(y[k]) <= ay + MARK_PX[1]).length;
      };
      const corners = [[false, false], [true, false], [false, true], [true, true]], counts = corners.map(covered);
      const [left, low] = corners[counts.indexOf(Math.min(...counts))];
      svg.append(svgTag("text", { class: "rp-s-sim", x: left ? LEFT + 4 : width - RIGHT, y: low ? bottom - 5 : TOP + 10, "text-anchor": left ? "start" : "end" }, "SIMULATED"));
    }
    return svg;
  }
  function figure(svg, title, caption, half) {
    const box = make("figure", undefined, { className: half ? "half" : "" }), words = make("figcaption");
    words.append(make("strong", `${title}. `), caption);
    box.append(svg, words);
    return box;
  }
  function residualParts(campaign, name, chunk, row) {
    const values = residualsOf(chunk, row, campaign.stars.length), known = values.map((value, k) => [value, campaign.stars[k]]).filter(([value]) => Number.isFinite(value));
    if (!known.length) return [];
    const titles = campaign.stars.map((star, k) => `star ${star}: ${signed(values[k])}`);
    const far = make("p", "Largest residuals: "), worst = known.sort((one, two) => Math.abs(two[0]) - Math.abs(one[0])).slice(0, FARTHEST);
    worst.forEach(([value, star], k) => far.append(link(`star ${star}`, new URL(`stars/${name}/${star}.html`, ROOT).href), ` ${signed(value)}${k < worst.length - 1 ? ", " : "."}`));
    return [make("h2", "Fluxes of the stars"),
            figure(drawing({ x: campaign.stars, y: values, titles, xTitle: "star", yTitle: "relative to its median [%]", label: `Residual of ${known.length} stars in this exposure`, width: 420, height: 200, zero: true, simulated: campaign.simulated, mode: chunk.rows[row].label.split(" ").pop() }),
                   `Star ${worst[0][1]} deviates most, by ${signed(worst[0][0])}. Half of the stars lie within ${median(known.map(([value]) => Math.abs(value))).toFixed(2)} % of their median`, `Flux of each star relative to its median, less the median of all stars, in ${campaign.band}.`), far];
  }
  const median = (values) => { const sorted = [...values].sort((one, two) => one - two), n = sorted.length; return n % 2 ? sorted[(n - 1) / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2; };
  function offsetParts(campaign, [a, b, c, d, e, f]) {
    if (a === null) return [];
    const { x, y, id } = campaign.catalogue, dx = x.map((value, k) => (a - 1) * value + b * y[k] + c), dy = y.map((value, k) => d * x[k] + (e - 1) * value + f);
    const [mx, my] = [median(dx), median(dy)], length = median(dx.map((value, k) => Math.hypot(value - mx, dy[k] - my)));
    const factor = length > 0 ? ARROW * (Math.max(...x) - Math.min(...x)) / length : 0;
    const arrows = x.map((value, k) => [value, y[k], value + factor * (dx[k] - mx), y[k] + factor * (dy[k] - my)]), power = 10 ** Math.floor(Math.log10(length));
    const round = Math.max(...[1, 2, 5].map((step) => step * power).filter((one) => one <= length)), shift = Math.hypot(mx, my).toFixed(2), enlarged = factor.toPrecision(2);
    const moved = x.map((_, k) => `star ${id[k]}: ${Math.hypot(dx[k] - mx, dy[k] - my).toFixed(3)} px`);
    return [make("h2", "Positions of the stars"),
            figure(drawing({ x, y, titles: moved, xTitle: "x [px]", yTitle: "y [px]", label: `Offsets of ${x.length} stars after a shift of ${shift} px, ${enlarged} times enlarged`, width: 420, height: 400, arrows, key: factor > 0 ? [factor * round, `${short(round)} px`] : null, simulated: campaign.simulated }),
                   `Stars lie ${length.toFixed(3)} px, in the median, from a common shift of ${shift} px`, `Arrows, enlarged ${enlarged} times: displacement of each star once that shift is removed. The arrow below the axis is the scale.`, true)];
  }

  // ---- an exposure, and the list of a year ----
  function heading(title, campaign) {
    const head = document.getElementById("title"), badge = make("span", campaign.simulated ? "Simulated" : "Observed", { className: `badge ${campaign.simulated ? "sim" : "real"}` });
    head.replaceChildren(`${title} `, badge);
    document.title = `${title}, ${campaign.title}`;
    document.getElementById("of").textContent = campaign.title;
  }
  function step(rel, text, href) {
    const arrow = document.querySelector(`.steps [rel=${rel}]`);
    arrow.hidden = !href;
    if (href) Object.assign(arrow, { textContent: text, href });
  }
  function exposure(name, year, id, campaign, chunk) {
    const row = chunk.rows.findIndex((one) => one.id === id), one = chunk.rows[row];
    if (!one) throw new Error(`${id}: no such exposure in ${year}`);
    heading(one.label, campaign);
    const list = make("dl");
    for (const [key, text] of one.facts) {
      const line = make("div");
      line.append(make("dt", key), make("dd", text));
      list.append(line);
    }
    const parts = [list];
    if (one.status !== "ok") {
      const note = make("p", `${one.status}: ${one.reason} `);
      note.append(link("What to do", new URL(one.page, ROOT).href));
      parts.unshift(note);
    }
    parts.push(...residualParts(campaign, name, chunk, row), ...offsetParts(campaign, one.map));
    if (one.calibrations.length) {
      const items = make("ul");
      items.append(...one.calibrations.map((text) => make("li", text)));
      parts.push(make("h2", "Calibrations"), items);
    }
    document.getElementById("exposure").replaceChildren(...parts);
    const [before, after] = [chunk.rows[row - 1], chunk.rows[row + 1]];
    step("prev", before && `\u2039 ${before.label}`, before && address(name, year, before.id));
    step("next", after && `${after.label} \u203a`, after && address(name, year, after.id));
    Object.assign(document.getElementById("up"), { textContent: `All of ${year}`, href: address(name, year) });
  }
  function yearList(name, year, campaign, chunk) {
    heading(`Exposures of ${year}`, campaign);
    const items = make("ul");
    for (const one of chunk.rows) {
      const item = make("li");
      item.append(link(one.label, address(name, year, one.id)), one.status === "ok" ? "" : ` ${one.status}`);
      items.append(item);
    }
    document.getElementById("exposure").replaceChildren(items);
    const years = campaign.years.map(([one]) => one), at = years.indexOf(year);
    step("prev", `\u2039 ${years[at - 1]}`, years[at - 1] && address(name, years[at - 1]));
    step("next", `${years[at + 1]} \u203a`, years[at + 1] && address(name, years[at + 1]));
  }
  async function start() {
    const [name, year, id] = (new URLSearchParams(location.search).get("id") || "").split(/\/(.*?)(?:\/|$)(.*)/s);
    if (!year || !/^[\w.-]+$/.test(name)) return;
    try {
      const [campaign, chunk] = await Promise.all([load(name), load(`${name}.${year}`)]);
      if (id) exposure(name, year, id, campaign, chunk); else yearList(name, year, campaign, chunk);
    } catch (error) {
      document.getElementById("exposure").replaceChildren(make("p", `This exposure is not known here: ${error.message}.`));
    }
  }
  start();
})();
