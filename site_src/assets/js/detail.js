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
