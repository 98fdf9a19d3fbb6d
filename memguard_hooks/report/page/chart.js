"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const styles = getComputedStyle(document.documentElement);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 46rem)");
  const color = (name) => styles.getPropertyValue(`--${name}`).trim();
  const family = "system-ui, sans-serif";

  /* Plotly takes its texts for markup. */
  const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  /* A line that imports loses its first folders, a package its version, and then either its end. */
  const fit = (name, kind, room) => {
    if (name.length <= room) return name;
    let short = name;
    if (kind === "step") {
      const folders = name.split("/");
      while (folders.length > 1 && folders.join("/").length + 2 > room) folders.shift();
      short = `…/${folders.join("/")}`;
      if (short.length > room) short = folders.join("/");
    } else if (kind !== "root") {
      short = name.split(" ")[0] || name;
    }
    return short.length <= room ? short : `${short.slice(0, Math.max(room - 1, 1))}…`;
  };

  /* What hangs on the width of the page, and on light or dark. */
  const looks = (chart, box) => {
    const size = narrow.matches ? 11 : 12;
    const maxdepth = narrow.matches ? 4 : 6;
    const room = Math.floor((box.clientWidth / Math.min(maxdepth, chart.depth) - 8) / (size * 0.55));
    const text = chart.names.map((name, at) => {
      const mib = chart.sizes[at];
      const short = escape(fit(name, chart.kinds[at], room));
      return name.length + mib.length + 2 <= room ? `${short}  <b>${mib}</b>` : `${short}<br><b>${mib}</b>`;
    });
    const trace = {
      text: [text],
      maxdepth,
      "marker.colors": [chart.kinds.map((kind) => color(`fill-${kind}`))],
      "marker.line.color": color("page"),
      "insidetextfont.color": [chart.kinds.map((kind) => color(`ink-${kind}`))],
      "pathbar.textfont.color": color("ink"),
    };
    return [trace, { "font.color": color("ink"), "font.size": size, "uniformtext.minsize": size }];
  };

  const draw = async (chart) => {
    const box = document.getElementById(chart.id);
    const reset = document.getElementById(`${chart.id}-reset`);
    const trace = {
      type: "icicle",
      branchvalues: "total",
      ids: chart.ids,
      parents: chart.parents,
      labels: chart.names.map(escape),
      values: chart.values,
      hovertext: chart.hover,
      textinfo: "text",
      hoverinfo: "text",
      sort: false,
      tiling: { orientation: "h", pad: 1 },
      pathbar: { thickness: 26, edgeshape: ">" },
      leaf: { opacity: 1 },
      marker: { line: { width: 1 } },
    };
    const layout = {
      autosize: true,
      margin: { t: 30, r: 0, b: 0, l: 0 },
      font: { family },
      paper_bgcolor: "rgba(0,0,0,0)",
      uniformtext: { mode: "hide" },
      hoverlabel: { align: "left", font: { family, size: 13 } },
    };
    const level = () => box._fullData[0].level || chart.ids[0];
    const show = (id) => Plotly.restyle(box, { level: id });

    /* One stop for the tabulator; arrows go on from there: right to what an import brings, left back, up and down beside. */
    const fields = () => [...box.querySelectorAll("g.slice")].filter((field) => !field.closest(".pathbar"));
    const at = (field) => chart.ids.indexOf(field.__data__.data.data.id);
    const beside = (field, key) => {
      const all = fields();
      const parent = chart.parents[at(field)];
      if (key === "ArrowLeft") return all.find((one) => chart.ids[at(one)] === parent);
      if (key === "ArrowRight") return all.find((one) => chart.parents[at(one)] === chart.ids[at(field)]);
      const siblings = all.filter((one) => chart.parents[at(one)] === parent);
      return siblings[siblings.indexOf(field) + (key === "ArrowDown" ? 1 : -1)];
    };
    const name = () => {
      reset.hidden = level() === chart.ids[0];
      fields().forEach((field, place) => {
        const number = at(field);
        field.setAttribute("tabindex", place === 0 ? "0" : "-1");
        field.setAttribute("role", "button");
        field.setAttribute("aria-label", `${chart.names[number]}, ${chart.sizes[number]}`);
      });
    };

    await Plotly.newPlot(box, [trace], layout, { displayModeBar: false, responsive: true });
    const paint = () => Plotly.update(box, ...looks(chart, box));
    await paint();
    name();
    box.on("plotly_afterplot", name);
    box.on("plotly_animated", name);
    box.on("plotly_icicleclick", (event) => {
      if (!still.matches) return true;
      show(event.nextLevel);
      return false;
    });
    box.addEventListener("keydown", (event) => {
      const field = event.target.closest("g.slice");
      if (event.key === "Escape") {
        show(chart.ids[0]);
      } else if (field && (event.key === "Enter" || event.key === " ")) {
        field.dispatchEvent(new MouseEvent("click", { bubbles: true, view: window }));
      } else if (field && event.key.startsWith("Arrow")) {
        const next = beside(field, event.key);
        if (next) next.focus();
      } else {
        return;
      }
      event.preventDefault();
    });
    reset.addEventListener("click", () => show(chart.ids[0]));
    dark.addEventListener("change", paint);
    let width = box.clientWidth;
    new ResizeObserver(() => {
      if (box.clientWidth === width) return;
      width = box.clientWidth;
      paint();
    }).observe(box);
    box.dataset.drawn = "true";
  };
  charts.forEach(draw);
})();
