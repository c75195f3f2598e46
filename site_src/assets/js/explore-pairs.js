/* All pairs: a triangular heat map of their scatter, and their scatter against the SNR of the ratio. */
(function () {
  "use strict";
  const EX = globalThis.EX = globalThis.EX || {};
  const { px, text, line, path, stroke, fill } = EX;
  const TOP = 0.1, NEAR_PX = 22; // the colour scale is fixed: 0 to 10 %
  const STEPS = 6, MAX_NAMES = 40, NUMBER_PX = 30;

  const color = (host, name) => getComputedStyle(host).getPropertyValue(`--ex-${name}`).trim();
  function canvasOf(host, width, height, overlay) { // many marks on a canvas, few and all words over it as SVG
    host.innerHTML = `<div class="ex-layers" style="width:${width}px;height:${height}px"><canvas aria-hidden="true"></canvas>${EX.svg(width, height, overlay, 'aria-hidden="true"')}</div>`;
    const canvas = host.querySelector("canvas"), ratio = Math.min(devicePixelRatio || 1, 2);
    canvas.width = width * ratio; canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    return pen;
  }
  const drawn = new WeakMap(); // what a host shows: choosing another pair must not draw ten thousand marks again
  function fresh(host, parts) {
    const old = drawn.get(host);
    drawn.set(host, parts);
    return !old || parts.some((part, k) => part !== old[k]);
  }
  function replaced(host, kind, words) {
    host.querySelectorAll(kind).forEach((mark) => mark.remove());
    host.querySelector("svg").insertAdjacentHTML("beforeend", words);
  }
  const spot = (host, event) => { const frame = host.querySelector("svg").getBoundingClientRect(); return [event.clientX - frame.left, event.clientY - frame.top]; };
  const shade = (value) => Math.min(STEPS - 1, Math.floor(value / TOP * STEPS));

  function orders(found, snr) { // columns in the order that a reader wants
    const all = found.stars.id.map((_, column) => column), channel = found.stars.channel;
    return {
      snr: [...all].sort((a, b) => (snr[b] || 0) - (snr[a] || 0)),
      channel: [...all].sort((a, b) => channel[a] - channel[b] || found.stars.id[a] - found.stars.id[b]),
      name: [...all].sort((a, b) => found.stars.id[a] - found.stars.id[b]),
    };
  }

  /* `on` = {reach(a, b, place), pick(a, b), leave()}; row and column are places in the chosen order. */
  function matrix(host, on) {
    let model = null, at = null, cursor = [1, 0];
    const cell = (event) => {
      const [x, y] = spot(host, event), column = Math.floor((x - at.left) / at.size), row = Math.floor((y - at.top) / at.size);
      return row < at.n && column >= 0 && row >= 0 && column < row ? [row, column] : null;
    };
    const ends = ([row, column]) => [at.order[column], at.order[row]];
    const outline = ([row, column], name, kind) => `<rect class="${kind}" x="${px(at.left + column * at.size)}" y="${px(at.top + row * at.size)}" width="${px(at.size)}" height="${px(at.size)}" ${stroke(name, 2.4)}/>`;
    const reach = (place) => {
      cursor = place;
      const old = host.querySelector(".ex-ring");
      if (old) old.remove();
      host.querySelector("svg").insertAdjacentHTML("beforeend", outline(place, "fg", "ex-ring"));
      on.reach(...ends(place), { x: at.left + (place[1] + 1) * at.size, y: at.top + place[0] * at.size });
    };
    host.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" && at) { const found = cell(event); if (found) reach(found); } });
    host.addEventListener("click", (event) => { const found = at && cell(event); if (found) { reach(found); on.pick(...ends(found)); } else on.leave(); });
    host.addEventListener("keydown", (event) => {
      const [dr, dc] = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key] || [0, 0];
      if (dr || dc) {
        event.preventDefault();
        const row = Math.min(at.n - 1, Math.max(1, cursor[0] + dr));
        reach([row, Math.min(row - 1, Math.max(0, cursor[1] + dc))]);
      } else if (event.key === "Enter") on.pick(...ends(cursor));
      else if (event.key === "Escape") on.leave();
    });
    const names = () => at.n > MAX_NAMES || at.size < 9 ? "" : at.order.map((column, k) => {
      const words = model.found.stars.id[column], middle = (k + 0.5) * at.size;
      return (k ? text(at.left - 4, at.top + middle + 3.5, words, `text-anchor="end" font-size="10" ${fill("fg")}`) : "")
        + (k < at.n - 1 ? text(at.left + middle, at.top + k * at.size + at.size - 3, words, `text-anchor="middle" font-size="10" ${fill("fg")}`) : "");
    }).join("");
    const legend = (width) => {
      const left = width - 134, cells = Array.from({ length: STEPS }, (_, k) => `<rect x="${left + k * 20}" y="18" width="20" height="10" ${fill(`heat${k}`)}/>`).join("");
      return text(left, 12, "Scatter of ln ratio", `font-size="11" ${fill("fg")}`) + cells
        + text(left, 41, "0", `font-size="11" ${fill("muted")}`) + text(left + 120, 41, "10 % or more", `text-anchor="end" font-size="11" ${fill("muted")}`);
    };
    const draw = (next) => {
      model = next;
      const order = orders(model.found, model.snr)[model.order], n = order.length, width = Math.min(Math.max(260, host.clientWidth), 560);
      const place = new Map(order.map((column, k) => [column, k])), chosen = () => {
        const one = place.get(model.a), two = place.get(model.b);
        cursor = [Math.max(one, two), Math.min(one, two)];
        replaced(host, ".ex-chosen", outline(cursor, "accent", "ex-chosen"));
      };
      if (!fresh(host, [model.pairs, model.order, width, color(host, "bg")])) { chosen(); return; }
      at = { order, n, left: 26, top: 0, size: (width - 34) / n };
      at.size = Math.min(at.size, 72);
      const height = Math.ceil(at.top + n * at.size + 6);
      const pen = canvasOf(host, width, Math.max(height, 60), legend(width) + names() + (model.found.simulated ? text(width - 4, 58, "SIMULATED", `text-anchor="end" font-size="11" ${fill("watermark", ";font-weight:700")}`) : ""));
      const colors = Array.from({ length: STEPS }, (_, k) => color(host, `heat${k}`)), none = color(host, "grid");
      const { a, b, std } = model.pairs;
      let numbers = "";
      for (let k = 0; k < std.length; k++) {
        const one = place.get(a[k]), two = place.get(b[k]), row = Math.max(one, two), column = Math.min(one, two);
        pen.fillStyle = Number.isFinite(std[k]) ? colors[shade(std[k])] : none;
        pen.fillRect(at.left + column * at.size, at.top + row * at.size, at.size - (at.size > 5 ? 1 : 0), at.size - (at.size > 5 ? 1 : 0));
        if (at.size >= NUMBER_PX && Number.isFinite(std[k])) numbers += text(at.left + (column + 0.5) * at.size, at.top + (row + 0.5) * at.size + 4, EX.number(100 * std[k], 1), `class="ex-cell" data-ground="${colors[shade(std[k])]}" text-anchor="middle" font-size="11" style="fill:${EX.legible(colors[shade(std[k])])}"`);
      }
      host.querySelector("svg").insertAdjacentHTML("beforeend", numbers);
      chosen();
    };
    return { draw };
  }

  function curves(at, model) { // photon limit, and the floor with it
    const floor = model.found.floor, points = (extra) => {
      const list = [];
      for (let k = 0; k <= 60; k++) {
        const snr = at.low * (at.high / at.low) ** (k / 60), value = 100 * Math.hypot(extra, 1 / snr);
        if (value >= at.bottomValue && value <= at.topValue) list.push([at.x(snr), at.y(value)]);
      }
      return list;
    };
    const under = (list, words) => { // where few pairs lie: below the band, left of the middle
      const spot = list[Math.round(list.length * 0.25)];
      return spot ? text(spot[0], at.y(100 * (floor[1] ?? floor[0])) + 16, words, `font-size="11" ${fill("fg")} paint-order="stroke" stroke="var(--ex-bg)" stroke-width="3"`) : "";
    };
    const end = (list, words, dy) => { const last = list[list.length - 1]; const short = last && last[0] < (at.box.left + at.box.right) / 2; return last ? text(last[0] + (short ? 6 : -4), last[1] + dy, words, `text-anchor="${short ? "start" : "end"}" font-size="11" ${fill("fg")} paint-order="stroke" stroke="var(--ex-bg)" stroke-width="3"`) : ""; };
    const photons = points(0), middle = floor ? points(floor[0]) : [];
    const band = floor && floor[1] !== null ? [...points(floor[2]), ...points(floor[1]).reverse()] : [];
    return (band.length ? `<path d="M${band.map(([x, y]) => `${px(x)} ${px(y)}`).join("L")}Z" ${fill("band")}/>` : "")
      + path(photons, stroke("muted", 1.4, ";stroke-dasharray:5 4")) + end(photons, "photon limit", -6)
      + path(middle, stroke("fg", 1.6)) + (floor ? under(middle, `floor ${EX.percent(100 * floor[0])} and photons`) : "");
  }
  function scatter(host, on) {
    let model = null, at = null, order = [], current = -1;
    const place = (k) => ({ x: at.x(model.pairs.snr[k]), y: at.y(Math.min(Math.max(100 * model.pairs.std[k], at.bottomValue), at.topValue)) });
    const focus = (index) => {
      current = Math.max(0, Math.min(order.length - 1, index));
      const k = order[current], { x, y } = place(k), old = host.querySelector(".ex-ring");
      if (old) old.remove();
      host.querySelector("svg").insertAdjacentHTML("beforeend", `<circle class="ex-ring" cx="${px(x)}" cy="${px(y)}" r="8" ${stroke("fg", 2)}/>`);
      on.reach(model.pairs.a[k], model.pairs.b[k], { x, y });
    };
    const nearest = (event) => {
      const [x, y] = spot(host, event);
      let best = -1, distance = NEAR_PX;
      order.forEach((k, index) => { const one = place(k), away = Math.hypot(one.x - x, one.y - y); if (away < distance) { best = index; distance = away; } });
      return best;
    };
    const pick = () => { const k = order[current]; if (k !== undefined) on.pick(model.pairs.a[k], model.pairs.b[k]); };
    host.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" && at) { const found = nearest(event); if (found >= 0) focus(found); } });
    host.addEventListener("click", (event) => { const found = at ? nearest(event) : -1; if (found >= 0) { focus(found); pick(); } else on.leave(); });
    host.addEventListener("keydown", (event) => {
      const move = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: order.length - 1 }[event.key];
      if (move !== undefined && order.length) { event.preventDefault(); focus(move); }
      else if (event.key === "Enter") pick();
      else if (event.key === "Escape") on.leave();
    });
    const axes = () => {
      const { box } = at, close = at.high / at.low < 20;
      const columns = EX.logTicks(at.low, at.high).filter((value) => close || /^[15]/.test(String(value))).map((value) => line(at.x(value), box.bottom, at.x(value), box.bottom + 4, stroke("muted")) + text(at.x(value), box.bottom + 17, EX.short(value), `text-anchor="middle" ${fill("muted")}`)).join("");
      const rows = EX.logTicks(at.bottomValue, at.topValue).map((value) => line(box.left, at.y(value), box.right, at.y(value), stroke("grid")) + text(box.left - 6, at.y(value) + 4, EX.short(value), `text-anchor="end" ${fill("muted")}`)).join("");
      return rows + columns + line(box.left, box.bottom, box.right, box.bottom, stroke("muted")) + text(2, 14, "Scatter of ln ratio [%]", fill("fg", ";font-weight:600"))
        + text(box.right, at.height - 4, "SNR of the ratio", `text-anchor="end" ${fill("fg")}`)
        + (model.found.simulated ? text(box.right - 4, box.top + 14, "SIMULATED", `text-anchor="end" ${fill("watermark", ";font-weight:700")} paint-order="stroke" stroke="var(--ex-bg)" stroke-width="4"`) : "");
    };
    const draw = (next) => {
      model = next;
      const { pairs } = model, width = Math.max(260, host.clientWidth), height = 360, box = { left: 44, right: width - 10, top: 26, bottom: height - 42 };
      const chosen = () => {
        const k = order.find((one) => (pairs.a[one] === model.a && pairs.b[one] === model.b) || (pairs.a[one] === model.b && pairs.b[one] === model.a));
        if (k === undefined) return replaced(host, ".ex-chosen", "");
        const { x, y } = place(k), left = x > at.box.right - 70;
        return replaced(host, ".ex-chosen", `<circle class="ex-chosen" cx="${px(x)}" cy="${px(y)}" r="7" ${stroke("accent", 2.6)}/>`
          + text(left ? x - 11 : x + 11, y + 4, model.label, `class="ex-chosen" ${left ? 'text-anchor="end" ' : ""}${fill("fg", ";font-weight:700")} paint-order="stroke" stroke="var(--ex-bg)" stroke-width="3"`));
      };
      current = -1;
      if (!fresh(host, [pairs, width, color(host, "bg")])) { chosen(); return; }
      order = [...pairs.std.keys()].filter((k) => pairs.snr[k] > 0 && pairs.std[k] > 0).sort((one, two) => pairs.snr[one] - pairs.snr[two]);
      const snr = order.map((k) => pairs.snr[k]), std = order.map((k) => 100 * pairs.std[k]);
      at = { width, height, box, low: Math.min(...snr, 100) / 1.15, high: Math.max(...snr, 200) * 1.15,
             bottomValue: Math.max(0.05, Math.min(...std, 1) / 1.3), topValue: Math.min(100, Math.max(...std, 5) * 1.2) };
      at.x = EX.log(at.low, at.high, box.left, box.right);
      at.y = EX.log(at.bottomValue, at.topValue, box.bottom, box.top);
      const pen = canvasOf(host, width, height, axes() + curves(at, model)), same = color(host, "accent"), other = color(host, "star"), channel = model.found.stars.channel;
      const flags = model.found.stars.flags, dense = order.length > 2000;
      for (const k of order) {
        const { x, y } = place(k), together = channel[pairs.a[k]] > 0 && channel[pairs.a[k]] === channel[pairs.b[k]];
        pen.fillStyle = pen.strokeStyle = together ? same : other;
        pen.globalAlpha = flags[pairs.a[k]] || flags[pairs.b[k]] ? 0.25 : dense ? 0.4 : 0.8;
        if (dense) { pen.fillRect(x - 1.5, y - 1.5, 3, 3); continue; }
        pen.lineWidth = 1.6;
        pen.beginPath();
        if (together) pen.rect(x - 3, y - 3, 6, 6); else pen.arc(x, y, 3, 0, 7);
        if (together) pen.stroke(); else pen.fill();
      }
      chosen();
    };
    return { draw };
  }
  Object.assign(EX, { matrix, pairScatter: scatter });
})();
