// Looks at the page as a user does; returns what is wrong with it, in words.
() => {
  const root = document.documentElement;
  const problems = [];
  const nameOf = (it) => `${it.tagName.toLowerCase()} ${it.id || it.ariaLabel || it.textContent.trim().slice(0, 30)}`;
  const isShown = (it) => it.checkVisibility({ visibilityProperty: true }) && it.getBoundingClientRect().width > 1;

  if (root.scrollWidth > innerWidth) problems.push(`the page is ${root.scrollWidth} wide, the window ${innerWidth}`);
  // Where the panes are stacked, the page scrolls, down to its last line and no further.
  const end = Math.max(...[...document.body.children].filter(isShown).map((it) => it.getBoundingClientRect().bottom));
  const height = Math.max(innerHeight, Math.ceil(end + scrollY));
  if (root.scrollHeight > height) problems.push(`the page is ${root.scrollHeight} high, what is on it ${height}`);
  const stacked = matchMedia("(max-width: 52rem)").matches || root.dataset.compact === "";
  if (!stacked && root.scrollHeight > innerHeight) problems.push(`the page scrolls: it is ${root.scrollHeight} high`);
  const { height: output } = document.querySelector("#output").getBoundingClientRect();
  const produced = !document.querySelector("#produced").hidden;
  if (!produced && output > innerHeight) problems.push(`the output is ${output} high`);

  // Controls: at hand, not covered, large enough for a finger.
  const controls = "button, select, input, textarea:not(.xterm-helper-textarea), summary, a, .xterm-screen, .cm-scroller";
  const scrolled = [...document.querySelectorAll("#files, .cm-scroller")].map((it) => [it, it.scrollLeft, it.scrollTop]);
  const [x, y] = [scrollX, scrollY];
  for (const control of [...document.querySelectorAll(controls)].filter(isShown)) {
    control.scrollIntoView({ block: "nearest", inline: "nearest" });
    const box = control.getBoundingClientRect();
    const isText = control.matches(".cm-scroller, .xterm-screen, #terminal a, footer a");
    if (box.left < -1 || box.right > innerWidth + 1) {
      problems.push(`${nameOf(control)} is cut off: from ${box.left} to ${box.right}`);
    }
    const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
    const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
    const found = document.elementFromPoint((left + right) / 2, isText ? top + 9 : (top + bottom) / 2);
    const overlays = ".cm-tooltip, #file-menu[open], #find";
    if (!(control.contains(found) || found?.closest(overlays) || found?.closest("label")?.control === control)) {
      if (!(control.matches(".xterm-screen") && found?.closest("#terminal"))) {
        problems.push(`${nameOf(control)} is covered by ${found ? nameOf(found) : "the edge of the window"}`);
      }
    }
    const finger = 24; // WCAG 2.2, target size (minimum)
    if (!isText && !control.closest("#produced") && control.type !== "checkbox" && Math.min(box.width, box.height) < finger) {
      problems.push(`${nameOf(control)} is small: ${box.width} by ${box.height}`);
    }
  }
  for (const [it, left, top] of scrolled) [it.scrollLeft, it.scrollTop] = [left, top];
  scrollTo(x, y);

  // The contrast of the output, which axe-core does not see below the text for screen readers.
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map((it) => Number(it) / 255);
    const linear = (it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const backgroundOf = (it) => {
    for (; it; it = it.parentElement) {
      const { backgroundColor } = getComputedStyle(it);
      if (!/, 0\)$/.test(backgroundColor)) return backgroundColor;
    }
    return "rgb(255, 255, 255)";
  };
  for (const span of document.querySelectorAll("#terminal .xterm-rows span")) {
    if (!span.textContent.trim()) continue;
    const [one, other] = [getComputedStyle(span).color, backgroundOf(span)].map(luminance).sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < 4.5) problems.push(`${span.textContent} has a contrast of ${contrast.toFixed(2)}`);
  }
  return problems;
}
