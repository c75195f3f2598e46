/* What pages have beside figures: tables that are filtered and sorted, texts to copy, the switch between
   campaigns, the small planner, and names that the theme leaves out. */
(function () {
  "use strict";
  const ROOT = new URL("../../", document.currentScript.src); // of this version, whatever the page's depth

  function copyButtons() {
    for (const button of document.querySelectorAll("button[data-copy]"))
      button.addEventListener("click", async () => {
        const source = document.getElementById(button.dataset.copy), label = button.textContent;
        try { await navigator.clipboard.writeText(source.textContent); button.textContent = "Copied"; }
        catch (error) { getSelection().selectAllChildren(source); button.textContent = "Selected: press Ctrl+C"; }
        setTimeout(() => { button.textContent = label; }, 2000);
      });
  }
  function tableFilters() { // a box that hides the rows without the typed words
    for (const input of document.querySelectorAll("input[data-filter]")) {
      const rows = [...document.querySelectorAll(`#${input.dataset.filter} tbody tr`)];
      const texts = rows.map((row) => row.textContent.toLowerCase());
      const count = input.parentElement.querySelector("output");
      const apply = () => {
        const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        let left = 0;
        rows.forEach((row, index) => { row.hidden = !words.every((word) => texts[index].includes(word)); left += !row.hidden; });
        count.textContent = `${left} of ${rows.length} rows`;
      };
      input.addEventListener("input", apply);
      apply();
    }
  }

  function sortableTables() { // a click on a head sorts the rows, another one the other way round
    const value = (row, column) => {
      const text = row.cells[column].textContent.trim(), plain = parseFloat(text.replace("\u2212", "-"));
      return Number.isFinite(plain) && /^[\u2212+-]?[\d.]+/.test(text) && !/^\d{4}-\d/.test(text) ? plain : text;
    };
    const compare = (one, two) => (typeof one === "number" && typeof two === "number" ? one - two
      : typeof one === "number" ? -1 : typeof two === "number" ? 1 : one.localeCompare(two));
    for (const table of document.querySelectorAll("table[data-sort]"))
      table.querySelectorAll("thead tr:last-child th").forEach((head, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "rp-sort";
        button.append(...head.childNodes);
        head.append(button);
        button.addEventListener("click", () => {
          const down = head.getAttribute("aria-sort") === "ascending", body = table.tBodies[0];
          table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
          head.setAttribute("aria-sort", down ? "descending" : "ascending");
          const rows = [...body.rows].map((row) => [value(row, column), row]);
          rows.sort((one, two) => (down ? -1 : 1) * compare(one[0], two[0]));
          body.append(...rows.map((pair) => pair[1]));
        });
      });
  }

  // Observed or simulated, for the whole site: the choice goes with every link.
  function campaignSwitch() {
    const page = document.documentElement;
    const box = document.querySelector(".rp-switch[role=group]");
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const around = target && target.closest(".rp-kind");
    if (around) page.dataset.campaign = around.dataset.kind; // a link leads to what it names
    const show = () => {
      for (const button of box.querySelectorAll("button"))
        button.setAttribute("aria-pressed", String(button.dataset.campaign === page.dataset.campaign));
      for (const link of document.querySelectorAll(".md-nav--secondary a[href*='#']")) {
        const part = document.getElementById(decodeURIComponent(link.hash.slice(1)));
        link.closest(".md-nav__item").classList.toggle("rp-hidden", !!part && part.getClientRects().length === 0);
      }
    };
    if (box) {
      box.addEventListener("click", (event) => {
        const chosen = event.target.dataset.campaign;
        if (!chosen) return;
        page.dataset.campaign = chosen;
        if (!document.querySelector(".ex-app")) try { // Explore writes its own address, as a step that Back undoes
          const address = new URL(location);
          address.searchParams.set("campaign", chosen);
          address.hash = "";
          history.replaceState(history.state, "", address);
        } catch (error) { /* a page on disk may not rewrite its address */ }
        show();
      });
      show();
    }
    if (around) target.scrollIntoView();
    addEventListener("hashchange", () => {
      const next = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      const part = next && next.closest(".rp-kind");
      if (part && part.dataset.kind !== page.dataset.campaign) {
        page.dataset.campaign = part.dataset.kind;
        if (box) show();
        next.scrollIntoView();
      }
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest && event.target.closest("a[href]");
      if (!link || link.hasAttribute("download") || page.dataset.campaign !== "simulated") return;
      const address = new URL(link.href, location);
      const inside = address.href.startsWith(ROOT.href) && /(\.html|\/)$/.test(address.pathname);
      const samePage = address.pathname === location.pathname && address.hash;
      if (!inside || samePage || address.searchParams.has("campaign")) return;
      address.searchParams.set("campaign", "simulated");
      link.href = address.href;
    }, true);
  }
  function planner() { // the floor and the photon noise of both stars
    for (const form of document.querySelectorAll("form.rp-planner")) {
      const output = form.querySelector("output");
      const apply = () => {
        const [one, two] = [form.snr1, form.snr2].map((input) => parseFloat(input.value));
        if (!(one > 0 && two > 0)) { output.textContent = "two numbers above 0"; return; }
        const said = ["floor", "low", "high"].map((key) =>
          (100 * Math.sqrt(form.dataset[key] ** 2 + one ** -2 + two ** -2)).toFixed(1));
        output.textContent = `${said[0]} % (95 %: ${said[1]} to ${said[2]})`;
      };
      form.addEventListener("input", apply);
      form.addEventListener("submit", (event) => event.preventDefault());
    }
  }

  function names() { // the theme's search and its lists of buttons have none
    const search = document.querySelector(".md-search[role=dialog]");
    if (search) search.setAttribute("aria-label", "Search");
    const label = () => document.querySelectorAll("nav.md-code__nav:not([aria-label])").forEach((nav) =>
      nav.setAttribute("aria-label", `Code ${[...document.querySelectorAll("nav.md-code__nav")].indexOf(nav) + 1}`));
    new MutationObserver(label).observe(document.body, { childList: true, subtree: true });
    label();
  }

  // What scrolls can be scrolled with the keyboard, also in pages written by hand; the theme puts
  // its boxes around tables while the page loads.
  addEventListener("load", () => document.querySelectorAll(".md-typeset__scrollwrap").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }));

  function start() {
    names();
    copyButtons();
    tableFilters();
    sortableTables();
    campaignSwitch();
    planner();
  }
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start); else start();
})();
