// Sets theme and layout before the first paint, so that the page never flashes in the wrong ones. It
// has no imports: a module script would run only after the page is parsed.

try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // The browser denies storage to this page.
}

if (new URLSearchParams(location.search).has("compact")) document.documentElement.dataset.compact = "";
