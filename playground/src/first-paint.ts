// Runs before anything is painted, so that the page is never shown in the wrong colours. It imports
// nothing: a script that does would have to wait for the page.

try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // The browser keeps nothing for this page.
}
