/* Pages of one star or exposure: the palette that the reader chose on the other pages. */
(function () {
  "use strict";
  try {
    for (let k = 0; k < localStorage.length; k++) {
      const key = localStorage.key(k);
      if (!key.endsWith("__palette")) continue;
      const chosen = JSON.parse(localStorage.getItem(key));
      if (chosen && chosen.color) document.documentElement.dataset.scheme = chosen.color.scheme === "slate" ? "dark" : "light";
    }
  } catch (error) { /* storage is closed to a page on disk: the system's palette stays */ }
})();

/* Values of the points of small drawings: a tap, or the arrow keys, shows the value of a point under it. */
(function () {
  "use strict";
  const NEAR_PX = 24;

  function points(svg) { // those that have a value, from left to right
    const found = [...svg.querySelectorAll("title")].map((title) => {
      const mark = title.parentNode, box = mark.getBBox();
      return { mark, words: title.textContent, x: box.x + box.width / 2, y: box.y + box.height / 2 };
    });
    return found.sort((one, two) => one.x - two.x);
  }
  function answer(svg) {
    const all = points(svg);
    if (!all.length) return;
    const said = Object.assign(document.createElement("output"), { className: "value" });
    let at = -1;
    said.setAttribute("aria-live", "polite");
    svg.after(said);
    svg.tabIndex = 0;
    svg.setAttribute("role", "application");
    svg.setAttribute("aria-label", `${svg.getAttribute("aria-label")}. Arrow keys read the points.`);
    const show = (next) => {
      if (at >= 0) all[at].mark.classList.remove("rp-s-chosen");
      at = Math.min(Math.max(next, 0), all.length - 1);
      all[at].mark.classList.add("rp-s-chosen");
      said.textContent = all[at].words;
    };
    svg.addEventListener("click", (event) => {
      const seen = svg.getBoundingClientRect(), view = svg.viewBox.baseVal, scale = seen.width / view.width;
      const far = (one) => Math.hypot(seen.left + one.x * scale - event.clientX, seen.top + one.y * scale - event.clientY);
      const nearest = all.reduce((best, one, k) => (far(one) < far(all[best]) ? k : best), 0);
      if (far(all[nearest]) <= NEAR_PX) show(nearest);
    });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -all.length, End: all.length }[event.key];
      if (!step) return;
      event.preventDefault();
      show(at + step);
    });
  }
  addEventListener("DOMContentLoaded", () => document.querySelectorAll("figure > svg.rp-small").forEach(answer));
})();
