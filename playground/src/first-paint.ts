// Sets the theme before the first paint, so that the page never flashes in the wrong colours. It
// has no imports: a module script would run only after the page is parsed.

try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // The browser denies storage to this page.
}
