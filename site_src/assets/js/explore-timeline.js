/* The ratio in time, in per cent about the median, and the strip under it that chooses dates. */
(function () {
  "use strict";
  const EX = globalThis.EX = globalThis.EX || {};
  const { px, text, line, stroke, fill, number } = EX;
  const DAY_MS = 86400000, SEASON_GAP_MS = 20 * DAY_MS, REACH = 0.6, NEAR_PX = 24, RADIUS = 3.5, STRIP = 34;
  const percentOf = (ln, median) => 100 * Math.expm1(ln - median);

  function limits(values) { // the central 95 % and a margin; what lies beyond is drawn at the edge
    const sorted = Float64Array.from(values).sort();
    if (!sorted.length) return [-1, 1];
    const low = EX.quantile(sorted, 0.025), high = EX.quantile(sorted, 0.975), span = Math.max(high - low, 0.2);
    return [Math.max(sorted[0], low - REACH * span) - 0.08 * span, Math.min(sorted[sorted.length - 1], high + REACH * span) + 0.08 * span];
  }
  function dates(points, found) {
    const times = (points.length ? points.map((point) => point.ms) : found.ms).filter(Number.isFinite); // a file that is no exposure has no time
    const low = Math.min(...times), high = Math.max(...times), margin = Math.max((high - low) * 0.02, DAY_MS);
    return [low - margin, high + margin];
  }

  function scales(host, model) {
    const width = Math.max(280, host.clientWidth), narrow = width < 560, height = narrow ? 290 : 340;
    const box = { left: 46, right: width - (narrow ? 12 : 64), top: 26, bottom: height - 28 };
    const shown = model.points.filter((point) => Number.isFinite(point.ln));
    const values = shown.filter((point) => !point.why).map((point) => percentOf(point.ln, model.stats.median));
    const [low, high] = limits(values), [from, to] = dates(model.points, model.found);
    return { width, height, narrow, box, shown, low, high, from, to,
             x: EX.linear(from, to, box.left + 6, box.right - 6), y: EX.linear(low, high, box.bottom, box.top) };
  }
  function axes(at, model) {
    const { box, x, y } = at, inside = (ms) => ms > at.from && ms < at.to;
    const rows = EX.ticks(at.low, at.high, 6).map((value) => line(box.left, y(value), box.right, y(value), stroke("grid"))
      + text(box.left - 6, y(value) + 4, EX.short(value), `text-anchor="end" ${fill("muted")}`)).join("");
    const columns = EX.dateTicks(at.from, at.to, at.narrow ? 4 : 8).filter(([ms]) => inside(ms))
      .map(([ms, words]) => line(x(ms), box.bottom, x(ms), box.bottom + 4, stroke("muted"))
        + text(Math.min(x(ms), at.width - 2), box.bottom + 17, words, `text-anchor="${x(ms) > at.width - 30 ? "end" : "middle"}" ${fill("muted")}`)).join("");
    const mark = model.found.simulated ? text(box.right - 4, box.top + 14, "SIMULATED", `text-anchor="end" ${fill("watermark", ";font-weight:700")} paint-order="stroke" stroke="var(--ex-bg)" stroke-width="4"`) : "";
    return rows + columns + line(box.left, box.bottom, box.right, box.bottom, stroke("muted"))
      + text(2, 14, `Ratio ${model.label} about its median [%]`, fill("fg", ";font-weight:600")) + mark;
  }
  function band(at, model) { // one standard deviation about the mean of what counts
    const used = model.points.filter((point) => !point.why), std = model.stats.std;
    if (!Number.isFinite(std)) return "";
    const mean = used.reduce((total, point) => total + point.ln, 0) / used.length - model.stats.median;
    const clip = (value) => Math.min(Math.max(value, at.low), at.high);
    const top = at.y(clip(100 * Math.expm1(mean + std))), bottom = at.y(clip(100 * Math.expm1(mean - std))), { box } = at;
    const words = at.narrow ? "" : text(box.right + 4, (top + bottom) / 2 + 4, `\u00b11\u03c3 ${number(100 * std, 1)} %`, `${fill("fg")} font-size="11"`);
    return `<rect x="${box.left}" y="${px(top)}" width="${px(box.right - box.left)}" height="${px(Math.max(bottom - top, 0))}" ${fill("band")}/>${words}`;
  }
  function means(at, model) {
    if (!model.nightly.length) return "";
    const inside = model.nightly.map((night) => [at.x(night.ms), at.y(Math.min(Math.max(percentOf(night.ln, model.stats.median), at.low), at.high))]);
    const joined = inside.slice(1).map(([x, y], k) => model.nightly[k + 1].ms - model.nightly[k].ms < SEASON_GAP_MS ? line(...inside[k], x, y, stroke("fg", 1, ";stroke-opacity:.45")) : "");
    return joined.join("")
      + inside.map(([x, y]) => line(x - 5, y, x + 5, y, stroke("fg", 2.2))).join("");
  }
  function place(at, model, point) { // where a point is drawn; at the edge if it lies beyond
    const value = percentOf(point.ln, model.stats.median), beyond = value > at.high ? 1 : value < at.low ? -1 : 0;
    return { value, beyond, x: at.x(point.ms), y: beyond > 0 ? at.box.top + 4 : beyond < 0 ? at.box.bottom - 4 : at.y(value) };
  }
  const disc = (x, y) => `M${px(x - RADIUS)} ${px(y)}a${RADIUS} ${RADIUS} 0 1 0 ${2 * RADIUS} 0a${RADIUS} ${RADIUS} 0 1 0 ${-2 * RADIUS} 0`;
  const box = (x, y) => `M${px(x - RADIUS)} ${px(y - RADIUS)}h${2 * RADIUS}v${2 * RADIUS}h${-2 * RADIUS}z`;
  function marks(at, model, points) { // one path for each look: a thousand points are a handful of elements
    const parts = new Map(), add = (key, words) => parts.set(key, (parts.get(key) || "") + words);
    const clip = (value) => px(at.y(Math.min(Math.max(value, at.low), at.high)));
    let beyondWords = "";
    for (const point of points) {
      const { value, beyond, x, y } = place(at, model, point), mode = model.found.exposures.mode[point.e], hue = EX.isAo(mode) ? "ao" : "noao";
      if (beyond) {
        const right = x > at.box.right - 60;
        add(`beyond ${point.why ? "muted" : hue}`, `M${px(x)} ${px(y - beyond * 6)}l5 ${beyond * 9}h-10z`);
        beyondWords += text(right ? x - 8 : x + 8, y + 4, `${value > 0 ? "+" : ""}${number(value, 1)} %`, `font-size="11" text-anchor="${right ? "end" : "start"}" ${fill("fg")}`);
      } else if (point.why) add("out", `M${px(x - 4)} ${px(y - 4)}l8 8m0 -8l-8 8`);
      else {
        const reach = 100 * point.err * (1 + value / 100);
        if (reach > 0) add(`bar ${hue}`, `M${px(x)} ${clip(value - reach)}V${clip(value + reach)}`);
        add(`${EX.isOpen(mode) ? "open" : "full"} ${hue}`, EX.isAo(mode) ? disc(x, y) : box(x, y));
      }
    }
    const looks = { bar: (hue) => stroke(hue, 1, ";stroke-opacity:.55"), full: (hue) => fill(hue, ";fill-opacity:.8"), beyond: (hue) => fill(hue),
                    open: (hue) => `style="fill:var(--ex-bg);stroke:var(--ex-${hue});stroke-width:1.6"`, out: () => stroke("muted", 1.4) };
    const order = ["bar", "out", "full", "open", "beyond"];
    return [...parts].sort(([one], [two]) => order.indexOf(one.split(" ")[0]) - order.indexOf(two.split(" ")[0]))
      .map(([key, words]) => `<path d="${words}" ${looks[key.split(" ")[0]](key.split(" ")[1])}/>`).join("") + beyondWords;
  }

  /* `on` = {walk(point, place), open(point)}: a point was reached, or is wanted in full. */
  function timeline(host, on) {
    let at = null, model = null, current = -1, order = [];
    const focus = (index) => {
      current = Math.max(0, Math.min(order.length - 1, index));
      if (!order.length) return;
      ring();
      on.walk(order[current], place(at, model, order[current]));
    };
    const ring = () => {
      const old = host.querySelector(".ex-ring");
      if (old) old.remove();
      if (current < 0 || current >= order.length) return;
      const spot = place(at, model, order[current]);
      host.querySelector("svg").insertAdjacentHTML("beforeend", `<circle class="ex-ring" cx="${px(spot.x)}" cy="${px(spot.y)}" r="8" ${stroke("fg", 2)}/>`);
    };
    const nearest = (event) => {
      const frame = host.querySelector("svg").getBoundingClientRect(), scale = at.width / frame.width;
      const x = (event.clientX - frame.left) * scale, y = (event.clientY - frame.top) * scale;
      let best = -1, distance = NEAR_PX;
      order.forEach((point, index) => {
        const spot = place(at, model, point), away = Math.hypot(spot.x - x, spot.y - y);
        if (away < distance) { best = index; distance = away; }
      });
      return best;
    };
    host.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" && at) { const found = nearest(event); if (found >= 0) focus(found); } });
    host.addEventListener("click", (event) => { const found = at ? nearest(event) : -1; if (found >= 0) focus(found); else on.leave(); });
    host.addEventListener("keydown", (event) => {
      const move = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: order.length - 1 }[event.key];
      if (move !== undefined) { event.preventDefault(); focus(move); }
      else if (event.key === "Enter" && current >= 0) on.open(order[current]);
      else if (event.key === "Escape") { current = -1; ring(); on.leave(); }
    });
    const draw = (next, selected) => {
      model = next;
      at = scales(host, model);
      order = at.shown;
      host.innerHTML = EX.svg(at.width, at.height, axes(at, model) + band(at, model) + means(at, model) + marks(at, model, order), 'aria-hidden="true"');
      current = order.findIndex((point) => point.e === selected);
      ring();
    };
    return { draw, chart: () => host.querySelector("svg"), show: (e) => focus(order.findIndex((point) => point.e === e)) };
  }

  /* All exposures on one line; dragging chooses dates, a double click all of them. */
  function strip(host, on) {
    let at = null, start = null, model = null;
    const night = (ms) => new Date(ms - DAY_MS / 2).toISOString().slice(0, 10);
    const ms = (event) => {
      const frame = host.getBoundingClientRect(), x = Math.min(Math.max(event.clientX - frame.left, at.left), at.right);
      return at.low + (x - at.left) / (at.right - at.left) * (at.high - at.low);
    };
    const between = (one, two) => on.dates(night(Math.min(one, two)), night(Math.max(one, two)));
    host.addEventListener("pointerdown", (event) => { if (at && event.pointerType === "mouse" || at && event.isPrimary) { start = ms(event); host.setPointerCapture(event.pointerId); } });
    host.addEventListener("pointermove", (event) => { if (start !== null) cover(start, ms(event)); });
    host.addEventListener("pointerup", (event) => {
      const first = start, last = ms(event);
      start = null;
      if (first !== null && Math.abs(at.x(last) - at.x(first)) > 6) between(first, last); else again();
    });
    host.addEventListener("pointercancel", () => { start = null; again(); });
    host.addEventListener("dblclick", () => on.dates("", ""));
    const again = () => { const kept = model; model = null; if (kept) draw(kept); };
    const cover = (one, two) => {
      const rect = host.querySelector(".ex-cover"), x1 = at.x(Math.min(one, two)), x2 = at.x(Math.max(one, two));
      rect.setAttribute("x", px(x1));
      rect.setAttribute("width", px(x2 - x1));
    };
    const draw = (next) => {
      const width = Math.max(280, host.clientWidth), same = model && at && ["found", "from", "to"].every((key) => model[key] === next[key]) && at.width === width && start === null;
      model = next;
      if (same) return;
      const times = model.found.ms.filter(Number.isFinite);
      at = { width, left: 46, right: width - (width < 560 ? 12 : 64), low: Math.min(...times) - DAY_MS, high: Math.max(...times) + DAY_MS };
      at.x = EX.linear(at.low, at.high, at.left, at.right);
      const midnight = (date) => Date.parse(date + "T12:00:00Z");
      const from = model.from ? midnight(model.from) : at.low, to = model.to ? midnight(model.to) + DAY_MS : at.high;
      const clip = (value) => Math.min(Math.max(value, at.low), at.high);
      const bars = ["ao", "noao"].map((hue) => `<path d="${model.found.ms.map((time, e) => (Number.isFinite(time) && EX.isAo(model.found.exposures.mode[e]) === (hue === "ao") ? `M${px(at.x(time))} 7V${STRIP - 13}` : "")).join("")}" ${stroke(hue, 1.4)}/>`).join("");
      host.innerHTML = EX.svg(width, STRIP, `<rect x="${at.left}" y="4" width="${at.right - at.left}" height="${STRIP - 14}" ${fill("soft")}/>`
        + `<rect class="ex-cover" x="${px(at.x(clip(from)))}" y="4" width="${px(at.x(clip(to)) - at.x(clip(from)))}" height="${STRIP - 14}" ${fill("band")}/>${bars}`, 'aria-hidden="true"');
    };
    return { draw };
  }
  Object.assign(EX, { timeline, strip, percentOf });
})();
