// What makes the pages livelier; all of them work without it. Charts are drawn from the tables beside them.
"use strict";

(() => {
  const PALETTE = ["#0066cc", "#10b981", "#f59e0b", "#ef4444", "#7c5cd6", "#0e9aa7", "#c2557f", "#6b7280"];
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function figures(table) {
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const rows = [...table.tBodies[0].rows];
    return {
      labels: rows.map((row) => row.cells[0].textContent.trim()),
      series: heads.slice(1).map((name, at) => ({
        name,
        values: rows.map((row) => Number(row.cells[at + 1].dataset.value ?? 0)),
      })),
    };
  }

  function draw(figure) {
    const table = figure.querySelector("table");
    const place = figure.querySelector(".canvas");
    if (!table || !place || !table.tBodies[0] || !table.tBodies[0].rows.length || typeof Chart === "undefined") return;
    const kind = figure.dataset.chart;
    const { labels, series } = figures(table);
    const language = document.documentElement.lang;
    const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
    const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 4 });
    const round = kind === "doughnut";
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", figure.querySelector("figcaption").textContent.trim());
    place.replaceChildren(canvas);
    // Before the chart is made: its place has no size until then, and whether it is told of one later is up to chance.
    figure.classList.add("drawn");
    figure.querySelector("details").open = false;
    const scale = { grid: { color: colour("--grid") }, ticks: { color: colour("--soft") }, border: { display: false } };
    const stacked = kind === "stacked";
    figure.chart = new Chart(canvas, {
      type: round ? "doughnut" : kind === "line" ? "line" : "bar",
      data: {
        labels,
        datasets: series.map((one, at) => ({
          label: one.name,
          data: one.values,
          backgroundColor: round ? labels.map((_, n) => PALETTE[n % PALETTE.length]) : PALETTE[at % PALETTE.length],
          borderColor: round ? colour("--card") : PALETTE[at % PALETTE.length],
          borderWidth: kind === "line" ? 2 : round ? 2 : 0,
          borderRadius: round ? 0 : 3,
          pointRadius: labels.length > 40 ? 0 : 2.5,
          tension: 0.25,
          maxBarThickness: 44,
        })),
      },
      options: {
        locale: language,
        responsive: true,
        maintainAspectRatio: false,
        animation: still ? false : { duration: 250 },
        interaction: { mode: round ? "nearest" : "index", intersect: round },
        plugins: {
          legend: { display: round || series.length > 1, position: round ? "right" : "bottom", labels: { color: colour("--text"), boxWidth: 12 } },
          tooltip: { callbacks: { label: (item) => ` ${round ? item.label : item.dataset.label}: ${whole.format(item.raw)}` } },
        },
        scales: round ? {} : {
          x: { ...scale, stacked, grid: { display: false }, ticks: { ...scale.ticks, maxRotation: 0, autoSkipPadding: 12 } },
          y: { ...scale, stacked, beginAtZero: true, ticks: { ...scale.ticks, callback: (value) => compact.format(value), maxTicksLimit: 6 } },
        },
      },
    });
  }

  function prepare(root) {
    root.querySelectorAll("figure[data-chart]:not(.drawn)").forEach(draw);
    root.querySelectorAll("[data-check-all]").forEach((box) => {
      box.hidden = false;
      box.addEventListener("change", () => {
        box.closest("form").querySelectorAll(`input[name="${box.dataset.checkAll}"]`).forEach((each) => { each.checked = box.checked; });
      });
    });
    root.querySelectorAll("form[data-submit-on-change]").forEach((form) => {
      form.addEventListener("change", () => form.requestSubmit());
    });
  }

  // The menu is open where there is room for it, and where no script could close it.
  const menu = document.querySelector("details.menu");
  if (menu && matchMedia("(max-width: 54rem)").matches) menu.open = false;

  prepare(document);
  document.addEventListener("htmx:load", (event) => { if (event.detail.elt !== document.body) prepare(event.detail.elt.parentElement ?? event.detail.elt); });
  document.addEventListener("htmx:beforeRequest", (event) => {
    // Nobody looks at a hidden page.
    if (document.hidden && event.detail.elt.hasAttribute("data-live")) event.preventDefault();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.querySelectorAll("figure[data-chart].drawn").forEach((figure) => { figure.chart?.destroy(); figure.classList.remove("drawn"); draw(figure); });
  });
})();
