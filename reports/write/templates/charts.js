// Plots by Vega-Lite, each drawn when it comes into view.

const root = document.documentElement;

function theme() {
  const style = getComputedStyle(root);
  const [ink, soft, rule] = ["--ink", "--soft", "--rule"].map(resolved);
  return {
    background: null,
    font: style.fontFamily,
    view: { stroke: null },
    axis: {
      labelColor: ink, titleColor: ink, domainColor: soft, tickColor: soft, gridColor: rule,
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal",
    },
    legend: { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12 },
    title: { color: ink },
    text: { color: ink },
  };
}

function resolved(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

async function draw(figure) {
  const spec = JSON.parse(figure.querySelector("script").textContent);
  const dark = getComputedStyle(document.body).backgroundColor !== "rgb(255, 255, 255)";
  await vegaEmbed(figure.querySelector(".plot"), { width: "container", ...spec }, {
    actions: false,
    config: theme(),
    renderer: "svg",
    tooltip: { theme: dark ? "dark" : "light" },
  });
  figure.dataset.drawn = "";
}

const figures = [...document.querySelectorAll("figure.chart")];
const inView = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    inView.unobserve(target);
    draw(target);
  }
}, { rootMargin: "400px" });
for (const figure of figures) inView.observe(figure);

document.addEventListener("theme", () => {
  for (const figure of figures) if ("drawn" in figure.dataset) draw(figure);
});
addEventListener("beforeprint", () => {
  for (const figure of figures) if (!("drawn" in figure.dataset)) draw(figure);
});
