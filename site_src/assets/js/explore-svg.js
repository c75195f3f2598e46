/* Charts as SVG text: scales, axes, marks, and saving them as files. */
(function () {
  "use strict";
  const EX = globalThis.EX = globalThis.EX || {};
  const DAY_MS = 86400000, MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  const esc = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const px = (value) => Math.round(value * 10) / 10;
  const linear = (low, high, from, to) => (value) => from + (value - low) / (high - low) * (to - from);
  const log = (low, high, from, to) => (value) => from + Math.log(value / low) / Math.log(high / low) * (to - from);
  const drawable = (...values) => values.every(Number.isFinite); // what is missing has no place
  const text = (x, y, words, style = "") => !drawable(x, y) ? "" : `<text x="${px(x)}" y="${px(y)}" ${style}>${esc(words)}</text>`;
  const line = (x1, y1, x2, y2, style) => !drawable(x1, y1, x2, y2) ? "" : `<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" ${style}/>`;
  const path = (points, style) => points.length && points.every((point) => drawable(...point)) ? `<path d="M${points.map(([x, y]) => `${px(x)} ${px(y)}`).join("L")}" ${style}/>` : "";
  const stroke = (name, width = 1, more = "") => `style="stroke:var(--ex-${name});fill:none;stroke-width:${width}${more}"`;
  const fill = (name, more = "") => `style="fill:var(--ex-${name})${more}"`;

  function ticks(low, high, wanted = 5) {
    const raw = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((k) => k * power).find((size) => size >= raw * 0.999), found = [];
    for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) found.push(Math.abs(value) < step / 1e6 ? 0 : value);
    return found;
  }
  function logTicks(low, high) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const k of [1, 2, 5]) { const value = k * 10 ** power; if (value >= low * 0.999 && value <= high * 1.001) found.push(value); }
    return found;
  }
  function dateTicks(low, high, wanted) { // months, years, or days where that is all there is
    const months = (high - low) / DAY_MS / 30.44, found = [];
    if (months < 2) {
      for (const day of ticks(low / DAY_MS, high / DAY_MS, wanted)) {
        if (!Number.isInteger(day)) continue;
        const date = new Date(day * DAY_MS);
        found.push([day * DAY_MS, `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`]);
      }
      return found;
    }
    const step = [1, 2, 3, 6, 12, 24, 60].find((size) => months / size <= wanted) || 120;
    const start = new Date(low), date = new Date(Date.UTC(start.getUTCFullYear(), 0, 1));
    for (; date.getTime() <= high; date.setUTCMonth(date.getUTCMonth() + step))
      if (date.getTime() >= low) found.push([date.getTime(), date.getUTCMonth() === 0 || !found.length ? `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}` : MONTHS[date.getUTCMonth()]]);
    return found;
  }
  const number = (value, digits) => Number.isFinite(value) ? value.toFixed(digits).replace("-", "\u2212") : "\u2013";
  function percent(value) { // two digits below 10 %
    const size = Math.abs(value), digits = size < 0.1 ? 3 : size < 10 ? 2 : 1;
    return `${number(value, digits)} %`;
  }
  const short = (value) => String(Number(value.toPrecision(6))).replace("-", "\u2212");

  /* AO has one hue and is round, no AO another and is square; N is filled and E open. */
  const isAo = (mode) => /-AO-/.test(mode), isOpen = (mode) => /-E$/.test(mode);
  function marker(mode, x, y, r) {
    if (!drawable(x, y)) return "";
    const hue = isAo(mode) ? "ao" : "noao";
    const style = isOpen(mode) ? `style="fill:var(--ex-bg);stroke:var(--ex-${hue});stroke-width:1.6"` : `style="fill:var(--ex-${hue});fill-opacity:.8"`;
    return isAo(mode) ? `<circle cx="${px(x)}" cy="${px(y)}" r="${r}" ${style}/>`
      : `<rect x="${px(x - r)}" y="${px(y - r)}" width="${2 * r}" height="${2 * r}" ${style}/>`;
  }
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
  const svg = (width, height, body, more = "") =>
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${FONT}" font-size="12" ${more}>${body}</svg>`;

  /* A chart as a file: colours resolved, title above, source below, on the page's background. */
  function standalone(chart, title, source) {
    const root = getComputedStyle(chart), value = (name) => root.getPropertyValue(name).trim();
    const width = chart.width.baseVal.value, height = chart.height.baseVal.value, above = 30, below = 26;
    const body = `<rect width="100%" height="100%" ${fill("bg")}/>${text(10, 20, title, fill("fg", ";font-weight:650;font-size:14px"))}`
      + `<g transform="translate(0 ${above})">${chart.innerHTML}</g>${text(10, above + height + 17, source, fill("muted", ";font-size:11px"))}`;
    return svg(width, above + height + below, body).replace(/var\((--[\w-]+)\)/g, (_, name) => value(name));
  }
  function save(content, name, type) {
    const link = document.createElement("a");
    link.href = typeof content === "string" && content.startsWith("data:") ? content : URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  function png(content) { // at twice the size
    return new Promise((done, failed) => {
      const image = new Image();
      image.onload = () => {
        const canvas = document.createElement("canvas");
        canvas.width = 2 * image.width; canvas.height = 2 * image.height;
        canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
        canvas.toBlob(done, "image/png");
      };
      image.onerror = () => failed(new Error("the picture cannot be drawn"));
      image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(content);
    });
  }
  function tellKind(simulated) { // to the switch of the whole site, if there is one
    const kind = simulated ? "simulated" : "observed";
    document.documentElement.dataset.campaign = kind;
    for (const button of document.querySelectorAll(".rp-switch button")) button.setAttribute("aria-pressed", String(button.dataset.campaign === kind));
  }
  function legible(hex) { // black or white, whichever stands out more on a colour
    const [r, g, b] = [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
  }
  Object.assign(EX, { legible, tellKind, esc, px, linear, log, text, line, path, stroke, fill, ticks, logTicks, dateTicks, number, percent, short,
                      isAo, isOpen, marker, svg, standalone, save, png });
})();
