/* The field: channels as stripes, stars to choose, north and east, a scale bar. */
(function () {
  "use strict";
  const EX = globalThis.EX = globalThis.EX || {};
  const { px, text, line, stroke, fill } = EX;
  const NEAR_PX = 28, EDGE = 8;

  function base(field, at) {
    const stripes = (field.channels || []).slice(0, -1).map((low, k) => {
      const top = at.y(Math.min(field.channels[k + 1], field.height)), bottom = at.y(Math.max(low, 0));
      if (bottom <= top) return "";
      const name = k % 2 ? "" : text(at.right - 3, (top + bottom) / 2 + 3, k + 1, `text-anchor="end" font-size="10" ${fill("muted")}`);
      return (k % 2 ? "" : `<rect x="${at.left}" y="${px(top)}" width="${at.right - at.left}" height="${px(bottom - top)}" ${fill("stripe")}/>`) + name;
    }).join("");
    const frame = `<rect x="${at.left}" y="${at.top}" width="${at.right - at.left}" height="${at.bottom - at.top}" ${stroke("muted")}/>`;
    const standard = field.standard ? `<circle cx="${px(at.x(field.standard[0]))}" cy="${px(at.y(field.standard[1]))}" r="${px(field.standard[2] * at.scale)}" ${stroke("muted", 1.2, ";stroke-dasharray:4 3")}/>`
      + text(at.x(field.standard[0]), at.y(field.standard[1]) + 4, field.name, `text-anchor="middle" font-size="11" ${fill("muted")}`) : "";
    return stripes + frame + standard;
  }
  function compass(field, at) { // the pipeline's cubes have north up and east to the left
    const arcsec = field.scale < 0.1 ? 1 : 10, length = arcsec / field.scale * at.scale, y = at.bottom + 20, x = at.right - 16;
    const bar = line(at.left, y, at.left + length, y, stroke("fg", 2)) + text(at.left + length + 6, y + 4, `${arcsec}\u2033`, fill("fg"));
    const arrow = (x2, y2, words, dx, dy) => line(x, y + 8, x2, y2, stroke("fg", 1.6)) + `<circle cx="${x2}" cy="${y2}" r="2.4" ${fill("fg")}/>` + text(x2 + dx, y2 + dy, words, `text-anchor="middle" font-size="11" ${fill("fg")}`);
    return bar + arrow(x, y - 12, "N", 9, 5) + arrow(x - 20, y + 8, "E", -9, 4);
  }
  function star(found, column, at, model) {
    const stars = found.stars, x = at.x(stars.x[column]), y = at.y(stars.y[column]);
    const role = column === model.a ? "A" : column === model.b ? "B" : "", snr = model.snr[column];
    const r = Math.min(8, Math.max(3, 2.2 * Math.log10(snr > 1 ? snr : 10))), hue = role ? "fg" : "star";
    const inner = stars.flags[column] ? `style="fill:var(--ex-bg);stroke:var(--ex-${hue});stroke-width:1.6"` : fill(hue);
    const ring = role ? `<circle cx="${px(x)}" cy="${px(y)}" r="${r + 5}" ${stroke("accent", 2.4)}/>` : "";
    const style = role ? `font-size="14" ${fill("fg", ";font-weight:700")}` : `font-size="11" ${fill("fg")}`, right = x > at.right - 40;
    const words = role ? `${role}: ${stars.id[column]}` : stars.id[column], apart = r + (role ? 8 : 3);
    return `<circle cx="${px(x)}" cy="${px(y)}" r="${px(r)}" ${inner}/>${ring}`
      + text(right ? x - apart : x + apart, y + 4, words, `${right ? 'text-anchor="end" ' : ""}paint-order="stroke" stroke="var(--ex-bg)" stroke-width="3" ${style}`);
  }

  /* `on` = {reach(column, place), pick(column)} */
  function fieldMap(host, on) {
    let at = null, model = null, cursor = 0;
    const places = () => model.found.stars.id.map((_, column) => [at.x(model.found.stars.x[column]), at.y(model.found.stars.y[column])]);
    const reach = (column) => {
      cursor = column;
      const [x, y] = places()[column], old = host.querySelector(".ex-ring");
      if (old) old.remove();
      host.querySelector("svg").insertAdjacentHTML("beforeend", `<circle class="ex-ring" cx="${px(x)}" cy="${px(y)}" r="14" ${stroke("fg", 1.5, ";stroke-dasharray:3 2")}/>`);
      on.reach(column, { x, y });
    };
    const nearest = (event) => {
      const frame = host.querySelector("svg").getBoundingClientRect(), scale = at.width / frame.width;
      const x = (event.clientX - frame.left) * scale, y = (event.clientY - frame.top) * scale;
      const away = places().map(([px_, py_]) => Math.hypot(px_ - x, py_ - y)), best = away.indexOf(Math.min(...away));
      return away[best] < NEAR_PX ? best : -1;
    };
    host.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" && at) { const found = nearest(event); if (found >= 0 && found !== cursor) reach(found); } });
    host.addEventListener("click", (event) => { const found = at ? nearest(event) : -1; if (found >= 0) { reach(found); on.pick(found); } else on.leave(); });
    host.addEventListener("keydown", (event) => {
      const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || [0, 0];
      if (dx || dy) {
        event.preventDefault();
        const all = places(), [x, y] = all[cursor];
        let best = -1, least = Infinity;
        all.forEach(([x2, y2], column) => { // ahead counts more than aside
          const ahead = (x2 - x) * dx + (y2 - y) * dy, aside = Math.abs((x2 - x) * dy) + Math.abs((y2 - y) * dx);
          if (ahead > 0.5 && ahead + 2 * aside < least) { best = column; least = ahead + 2 * aside; }
        });
        if (best >= 0) reach(best);
      } else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); on.pick(cursor); }
      else if (event.key === "Escape") on.leave();
    });
    const draw = (next) => {
      model = next;
      const { field, stars } = model.found, width = Math.min(Math.max(260, host.clientWidth), 420);
      const scale = (width - 2 * EDGE) / field.width, height = EDGE + scale * field.height + 44;
      at = { width, scale, left: EDGE, right: width - EDGE, top: EDGE, bottom: EDGE + scale * field.height,
             x: (x) => EDGE + (x + 0.5) * scale, y: (y) => EDGE + (field.height - 0.5 - y) * scale };
      const mark = model.found.simulated ? text(at.left + 5, at.top + 14, "SIMULATED", `${fill("watermark", ";font-weight:700")} paint-order="stroke" stroke="var(--ex-bg)" stroke-width="4"`) : "";
      const order = stars.id.map((_, column) => column).sort((one, two) => (one === model.a || one === model.b) - (two === model.a || two === model.b));
      host.innerHTML = EX.svg(width, px(height), base(field, at) + order.map((column) => star(model.found, column, at, model)).join("") + mark + compass(field, at), 'aria-hidden="true"');
      if (cursor >= stars.id.length) cursor = 0;
    };
    return { draw };
  }
  Object.assign(EX, { fieldMap });
})();
