// Folds, their search, explanations, light and dark, and print.

const root = document.documentElement;

// Folds open when a link leads into them.

function reveal() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (!id) return;
  const target = document.getElementById(id);
  if (!target) {
    document.dispatchEvent(new CustomEvent("elsewhere", { detail: id }));
    return;
  }
  openAround(target);
  target.scrollIntoView();
}

function openAround(target) {
  for (let node = target; node; node = node.parentElement) {
    if (node instanceof HTMLDetailsElement) node.open = true;
  }
}

addEventListener("hashchange", reveal);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.getAttribute("href") === location.hash) reveal();
});
addEventListener("load", reveal);

// Search in a list of folds: those without the words are hidden.

function search(list, words) {
  const folds = [...list.querySelectorAll(":scope > details")];
  const found = folds.filter((fold) => holds(fold, words));
  for (const fold of folds) fold.hidden = !found.includes(fold);
  if (words && found.length === 1) found[0].open = true;
  const text = words ? `${found.length} of ${folds.length} hold this.` : "";
  list.querySelector(":scope > .found").textContent = text;
}

function holds(fold, words) {
  return fold.textContent.toLowerCase().includes(words.toLowerCase());
}

for (const list of document.querySelectorAll(".folds")) {
  const box = list.querySelector(":scope > .search input");
  box.addEventListener("input", () => search(list, box.value.trim()));
}

// The explanation of a cell, under the pointer or the focus. Screen readers read it in the
// cell itself.

const tip = document.getElementById("tip");
let waiting = 0;

function explain(cell) {
  clearTimeout(waiting);
  tip.textContent = cell.querySelector(".why").textContent;
  tip.hidden = false;
  const place = cell.getBoundingClientRect();
  const below = place.bottom + tip.offsetHeight + 12 < innerHeight;
  const left = Math.min(place.left, innerWidth - tip.offsetWidth - 16);
  tip.style.left = `${Math.max(16, left)}px`;
  tip.style.top = `${below ? place.bottom + 6 : Math.max(8, place.top - tip.offsetHeight - 6)}px`;
}

function leave() {
  clearTimeout(waiting);
  waiting = setTimeout(() => (tip.hidden = true), 150);
}

for (const type of ["mouseover", "focusin"]) {
  document.addEventListener(type, (event) => {
    const cell = event.target.closest(".tip");
    if (cell) explain(cell);
  });
}
for (const type of ["mouseout", "focusout"]) {
  document.addEventListener(type, (event) => {
    if (event.target.closest(".tip")) leave();
  });
}
tip.addEventListener("mouseenter", () => clearTimeout(waiting));
tip.addEventListener("mouseleave", leave);
addEventListener("scroll", () => (tip.hidden = true), { capture: true, passive: true });
addEventListener("keydown", (event) => {
  if (event.key === "Escape") tip.hidden = true;
});

// Light or dark: the system's choice, until the reader chooses.

const button = document.getElementById("theme");
const system = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
}

function show() {
  button.setAttribute("aria-pressed", String(isDark()));
  document.dispatchEvent(new CustomEvent("theme"));
}

button.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  show();
});
system.addEventListener("change", show);
button.hidden = false;
show();

// On paper everything is unfolded.

let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("main details:not([open])")];
  for (const fold of closed) fold.open = true;
});
addEventListener("afterprint", () => {
  for (const fold of closed) fold.open = false;
});

// A narrow screen begins with the content.

if (matchMedia("(max-width: 40rem)").matches) {
  document.querySelector("nav details")?.removeAttribute("open");
}
