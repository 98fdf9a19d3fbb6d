"use strict";
/* Zooms the pictures, by pointer and by keys: fields are written other shares of the whole. */
for (const chart of document.querySelectorAll("svg.chart")) {
  const reset = document.getElementById(`${chart.id}-reset`);
  const fields = [...chart.querySelectorAll(".field")];
  const whole = { depth: 0, top: 0, size: Number(chart.dataset.whole), parent: null };
  const places = new Map(fields.map((field) => {
    const { depth, top, size, parent } = field.dataset;
    return [field, { depth: Number(depth), top: Number(top), size: Number(size), parent: fields[parent] ?? null }];
  }));
  const narrow = matchMedia("(max-width: 46rem)");
  const ofPackages = 0.4, line = 15;
  const isStep = (field) => field.classList.contains("step");
  const children = (field) => fields.filter((one) => places.get(one).parent === field);
  let root = null;

  const holds = (field) => {
    for (let one = field; one; one = places.get(one).parent) if (one === root) return true;
    return root === null;
  };
  const show = (to) => {
    root = to;
    const outer = root ? places.get(root) : whole;
    const shown = fields.filter(holds);
    const deepest = Math.max(...shown.map((field) => places.get(field).depth - outer.depth + 1));
    const most = root ? deepest : Number(chart.dataset.columns);
    const columns = Math.min(most, narrow.matches ? 4 : 8);
    const step = columns > 1 ? 100 * (1 - ofPackages) / (columns - 1) : 100;
    for (const field of fields) {
      const place = places.get(field);
      const left = (place.depth - outer.depth) * step;
      const isHidden = !shown.includes(field) || left >= 100;
      field.classList.toggle("hidden", isHidden);
      if (isHidden) continue;
      field.setAttribute("x", `${left}%`);
      field.setAttribute("width", `${isStep(field) ? step : 100 - left}%`);
      field.setAttribute("y", `${100 * (place.top - outer.top) / outer.size}%`);
      field.setAttribute("height", `${100 * place.size / outer.size}%`);
      field.classList.toggle("low", place.size * chart.clientHeight < line * outer.size);
    }
    reset.hidden = root === null;
    shown.forEach((field, number) => field.setAttribute("tabindex", number ? "-1" : "0"));
  };
  /* The field that is shown alone leads back out, a line that imports goes in. */
  const go = (field) => show(field === root ? places.get(field).parent : isStep(field) ? field : root);
  const beside = (field, key) => {
    if (key === "ArrowLeft") return places.get(field).parent;
    if (key === "ArrowRight") return children(field)[0];
    const siblings = children(places.get(field).parent);
    return siblings[siblings.indexOf(field) + (key === "ArrowDown" ? 1 : -1)];
  };

  for (const field of fields) field.setAttribute("role", "button");
  chart.addEventListener("click", (event) => {
    const field = event.target.closest(".field");
    if (field) go(field);
  });
  chart.addEventListener("keydown", (event) => {
    const field = event.target.closest(".field");
    if (event.key === "Escape") {
      show(null);
    } else if (field && (event.key === "Enter" || event.key === " ")) {
      go(field);
    } else if (field && event.key.startsWith("Arrow")) {
      const next = beside(field, event.key);
      if (next && !next.classList.contains("hidden")) next.focus();
    } else {
      return;
    }
    event.preventDefault();
  });
  reset.addEventListener("click", () => show(null));
  narrow.addEventListener("change", () => show(root));
  show(null);
  chart.dataset.drawn = "true";
}
for (const hint of document.querySelectorAll(".hint")) hint.hidden = false;
