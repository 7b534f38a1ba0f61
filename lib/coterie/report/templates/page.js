"use strict";
(() => {
  const SHOWN = 14, root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const data = document.getElementById("figures"), figures = data ? JSON.parse(data.textContent) : {};
  let plotly = null;

  // Colours and fonts of the style sheet in the place of var(--name), names broken into lines that fit.
  function styled(value, style) {
    if (typeof value === "string") return value.startsWith("var(") ? style.getPropertyValue(value.slice(4, -1)).trim() : value;
    if (Array.isArray(value)) return value.map((one) => styled(one, style));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, styled(one, style)]));
    return value;
  }
  function lines(text, width) {
    const found = [""];
    for (const word of text.split(" ")) {
      const last = found[found.length - 1];
      if (last && (last + " " + word).length > width) found.push(word); else found[found.length - 1] = last ? last + " " + word : word;
    }
    return found.join("<br>");
  }
  function fitted(figure, width) {
    const { data, layout } = figure, first = data[0] || {}, narrow = width < 560;
    const names = first.type === "heatmap" ? null : first.y && first.y.some((one) => typeof one === "string") ? first.y : null;
    if (names) {
      layout.yaxis.tickvals = names;
      layout.yaxis.ticktext = names.map((name) => lines(name, narrow ? 17 : 34) + "  ");
    }
    if (narrow) {
      if (names) layout.height = Math.max(layout.height, 60 + 70 * new Set(names).size);
      layout.font.size = 11;
      if (layout.xaxis.tickangle) layout.xaxis.showticklabels = layout.yaxis.showticklabels = false;
      if (typeof layout.xaxis.dtick === "string") layout.xaxis.nticks = 5, delete layout.xaxis.dtick;
      else if (first.type === "heatmap" && layout.xaxis.dtick === 1 && !layout.xaxis.tickangle) layout.xaxis.dtick = 2;
      for (const one of data) if (one.texttemplate) one.texttemplate = "";
      for (const one of data) if (one.type === "sankey") one.textfont.size = 10, one.node.label = one.node.label.map((name) => (name.length > 20 ? name.slice(0, 19) + "…" : name));
      if (layout.yaxis.title && layout.yaxis.title.text) layout.yaxis.title.text = lines(layout.yaxis.title.text, 30);
      if (layout.xaxis.title && layout.xaxis.title.text) layout.xaxis.title.text = lines(layout.xaxis.title.text, 42);
    }
    return figure;
  }
  function draw(place, width) {
    const picker = document.querySelector(`select[data-for="${place.id}"]`);
    const figure = figures[picker ? `${place.id}:${picker.value}` : place.id];
    if (!figure || !plotly) return;
    if (!place.clientWidth && !width) return;
    const made = styled(figure, getComputedStyle(root));
    made.layout.width = width || place.clientWidth;
    made.layout.height = +place.dataset.height;
    fitted(made, made.layout.width);
    place.style.height = `${made.layout.height}px`;
    plotly.react(place, made.data, made.layout, { displayModeBar: false, scrollZoom: false, doubleClick: false });
  }
  const plots = [...document.querySelectorAll(".plot")], all = (width) => plots.forEach((place) => draw(place, width));

  const ready = () => { root.dataset.ready = "true"; };

  // The charting library, unpacked from the page itself.
  async function load() {
    const packed = document.getElementById("library");
    if (!packed) return ready();
    const bytes = Uint8Array.from(atob(packed.textContent), (one) => one.charCodeAt(0));
    const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
    plotly = window.Plotly;
    for (const place of plots) {
      draw(place);
      await new Promise((done) => setTimeout(done));
    }
    ready();
  }

  // Tables: sorted by a click on a heading, long ones unfolded by a button.
  const order = new Intl.Collator(undefined, { numeric: true });
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
    const fold = () => [...body.rows].forEach((row, i) => row.classList.toggle("beyond", folded && i >= SHOWN));
    let folded = rows.length > SHOWN + 3;
    heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") !== "ascending" : !rows.some((row) => row.cells[column].dataset.sort);
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.sort || row.cells[column].textContent;
      const empty = (row) => value(row) === "";
      const compare = (a, b) => { const [x, y] = [value(a), value(b)]; return isNaN(x) || isNaN(y) ? order.compare(x, y) : x - y; };
      rows.sort((a, b) => empty(a) - empty(b) || (up ? compare(a, b) : compare(b, a)));
      body.append(...rows);
      fold();
    }));
    if (!folded) continue;
    const more = document.createElement("button");
    more.type = "button";
    more.className = "more";
    more.textContent = `Show all ${rows.length} rows`;
    more.addEventListener("click", () => { folded = false; fold(); more.remove(); });
    table.parentElement.after(more);
    fold();
  }

  // Light and dark: the system's choice, until the reader's.
  const button = document.getElementById("theme"), isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const named = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Show in ${isDark() ? "light" : "dark"} colours`); };
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; named(); all(); });
    named();
  }
  dark.addEventListener("change", () => { if (button) named(); all(); });

  // Where the reader is.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => entries.filter((one) => one.isIntersecting).forEach((one) => {
    links.forEach((link) => link.removeAttribute("aria-current"));
    links.get(one.target.id)?.setAttribute("aria-current", "true");
  }), { rootMargin: "-20% 0px -70% 0px" });
  document.querySelectorAll("section").forEach((section) => seen.observe(section));

  document.querySelectorAll("select[data-for]").forEach((picker) => picker.addEventListener("change", () => draw(document.getElementById(picker.dataset.for))));
  document.querySelectorAll("details").forEach((one) => one.addEventListener("toggle", () => one.querySelectorAll(".plot").forEach((place) => draw(place))));
  let waiting = 0, before = innerWidth, theme;
  addEventListener("resize", () => { if (innerWidth !== before) { before = innerWidth; clearTimeout(waiting); waiting = setTimeout(all, 120); } });
  addEventListener("beforeprint", () => { theme = root.dataset.theme; root.dataset.theme = "light"; all(770); });
  addEventListener("afterprint", () => { if (theme) root.dataset.theme = theme; else delete root.dataset.theme; all(); });
  load();
})();
