/* Values on still pictures. On a touch screen a figure stays the picture that it is: a tap, or the
   arrow keys, shows the value of a point, from the same data, without the library that draws plots. */
(function () {
  "use strict";
  const NEAR_PX = 32, WIDTH_PX = [860, 380];

  function formatted(value, format) { // the part of d3's formats that our figures use: "+.2f", ".4g"
    const known = /^(\+?)\.(\d)([fg])$/.exec(format || "");
    if (typeof value !== "number" || !known) return String(value ?? "").replace(/^-(?=\d)/, "\u2212");
    const text = known[3] === "f" ? value.toFixed(known[2]) : String(Number(value.toPrecision(known[2])));
    return (known[1] && value >= 0 ? "+" + text : text).replace("-", "\u2212");
  }
  function plain(markup) { // tags out, character references resolved; nothing runs in such a document
    return new DOMParser().parseFromString(markup.replace(/<br>/g, ", "), "text/html").body.textContent;
  }
  const pick = (list, k) => (Array.isArray(list) ? list[k] : list);
  const markupSafe = (text) => String(text).replace(/&(?!#?\w+;)/g, "&amp;");
  function words(point) { // as Plotly fills a hover template
    const { trace, k } = point, template = trace.hovertemplate || "%{x}, %{y}";
    const filled = template.replace(/%\{(\w+)(?:\[(\d)\])?(?::([^}]*))?\}/g, (_, name, at, format) => {
      const value = name in point ? point[name] : pick(trace[name], k);
      return markupSafe(formatted(at === undefined ? value : pick(value, Number(at)), format));
    });
    return plain(filled.replace(/<extra>(.*?)<\/extra>/, (_, extra) => (extra ? `, ${extra}` : "")));
  }

  function scale([kind, low, first, high, last], axis) { // value on an axis -> pixels of the picture
    const number = (value) => {
      if (kind === "category") return (axis.categoryarray || []).indexOf(value);
      if (kind === "log") return Math.log10(value);
      return kind === "date" ? Date.parse(/\d[T ]\d/.test(value) ? value.replace(" ", "T") + "Z" : value) : value;
    };
    return (value) => first + (last - first) * (number(value) - low) / (high - low);
  }
  function points(figure, traces, layout, places) { // every point that has a value, from left to right
    const found = [];
    for (const trace of traces) {
      if ((trace.visible ?? true) !== true || trace.hoverinfo === "skip" || !trace.y) continue;
      const names = [trace.xaxis || "x", trace.yaxis || "y"], at = places[names.join("")];
      if (!at) continue;
      const [x, y] = names.map((name, n) => scale(at[n], layout[`${name[0]}axis${name.slice(1)}`] || {}));
      const edges = [[at[0][2], at[0][4]], [at[1][4], at[1][2]]], reach = 8;
      const add = (point) => {
        const inside = [point.px, point.py].every((value, n) => value >= edges[n][0] - reach && value <= edges[n][1] + reach);
        if (inside) found.push(Object.assign(point, { trace }));
      };
      if (trace.z) trace.z.forEach((row, j) => row.forEach((z, i) => {
        if (z !== null) add({ k: i, x: trace.x[i], y: trace.y[j], z, px: x(trace.x[i]), py: y(trace.y[j]) });
      }));
      else trace.y.forEach((value, k) => {
        const across = trace.x ? trace.x[k] : (trace.x0 || 0) + k * (trace.dx || 1);
        if (value !== null && across !== null) add({ k, x: across, y: value, px: x(across), py: y(value) });
      });
    }
    return found.sort((one, two) => one.px - two.px);
  }

  /* Makes the picture of a figure answer. `of` = {figure, traces, layout, narrow}; `tell(text, point)`
     shows a value; `open(point)` goes to the page of a point. Returns the box that takes the focus. */
  function answer(box, of, tell, open) {
    const image = box.querySelector("img"), all = points(of.figure, of.traces, of.layout, of.figure.places[of.narrow ? 1 : 0]);
    const host = document.createElement("div"), ring = document.createElement("i");
    host.className = "rp-values";
    ring.hidden = true;
    host.append(ring);
    box.append(host);
    let at = -1;
    const show = (index) => {
      const factor = image.clientWidth / WIDTH_PX[of.narrow ? 1 : 0];
      at = index;
      ring.hidden = false;
      ring.style.left = `${all[at].px * factor}px`;
      ring.style.top = `${all[at].py * factor}px`;
      tell(words(all[at]), all[at]);
    };
    host.addEventListener("click", (event) => {
      const frame = image.getBoundingClientRect(), factor = image.clientWidth / WIDTH_PX[of.narrow ? 1 : 0];
      const away = all.map((point) => Math.hypot(point.px * factor - event.clientX + frame.left, point.py * factor - event.clientY + frame.top));
      const nearest = away.indexOf(Math.min(...away));
      if (nearest >= 0 && away[nearest] < NEAR_PX) show(nearest);
    });
    host.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!all.length) return;
      if (step || event.key === "Home" || event.key === "End") {
        event.preventDefault();
        show(event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : (at + step + all.length) % all.length);
      } else if (event.key === "Enter" && at >= 0) open(all[at]);
      else if (event.key === "Escape") ring.hidden = true;
    });
    return host;
  }
  window.RPValues = { answer, words };
})();
