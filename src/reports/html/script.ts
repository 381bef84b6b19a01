/** What the page does where scripts run. It is whole without: nothing is said only by this. */

/**
 * Lights a path on the map step by step, filters long lists, opens the fold a link leads into, and opens every fold for
 * printing and closes it again.
 */
export const SCRIPT = `
(function () {
  var all = function (selector, within) { return [].slice.call((within || document).querySelectorAll(selector)); };
  var map = document.querySelector("svg.map"), buttons = all(".paths button"), timers = [];
  var still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  function light(key) {
    timers.forEach(clearTimeout);
    timers = [];
    if (!map) return;
    map.classList.toggle("lit", !!key);
    all(".lit", map).forEach(function (part) { part.classList.remove("lit"); });
    if (!key) return;
    all(".on-" + key, map).forEach(function (part) {
      var at = part.getAttribute("data-steps").split(" ").filter(function (step) { return step.indexOf(key + ":") === 0; })[0];
      var step = Number(at.slice(key.length + 1));
      if (still || step === 0) part.classList.add("lit");
      else timers.push(setTimeout(function () { part.classList.add("lit"); }, 160 * step));
    });
    var box = map.getBoundingClientRect();
    if (box.bottom < 80 || box.top > innerHeight - 80) map.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
  }
  buttons.forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var on = button.getAttribute("aria-pressed") === "true";
      buttons.forEach(function (other) { other.setAttribute("aria-pressed", "false"); });
      button.setAttribute("aria-pressed", on ? "false" : "true");
      light(on ? "" : button.dataset.path);
    });
  });
  all(".filter").forEach(function (field) {
    var input = field.querySelector("input"), said = field.querySelector("[role=status]");
    var folds = all(":scope > details", document.getElementById(field.dataset.filters));
    var opened = folds.filter(function (fold) { return fold.open; });
    field.hidden = false;
    input.addEventListener("input", function () {
      var wanted = input.value.trim().toLowerCase(), shown = 0, total = 0;
      var has = function (part) { return part.textContent.toLowerCase().indexOf(wanted) >= 0; };
      folds.forEach(function (fold) {
        var whole = [].slice.call(fold.children).some(function (part) { return part.className !== "scroll" && has(part); }), hits = 0;
        all("tbody tr", fold).forEach(function (row) {
          var hit = whole || has(row);
          row.hidden = !hit;
          total++;
          if (hit) hits++;
        });
        shown += hits;
        fold.hidden = hits === 0;
        fold.open = wanted ? hits > 0 : opened.indexOf(fold) >= 0;
      });
      said.textContent = wanted ? shown + " of " + total + " shown" : "";
    });
  });
  function reveal() {
    var target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (var part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  reveal();
  var closed = [];
  addEventListener("beforeprint", function () {
    closed = all("details:not([open])");
    closed.forEach(function (fold) { fold.open = true; });
  });
  addEventListener("afterprint", function () { closed.forEach(function (fold) { fold.open = false; }); });
})();
`;
