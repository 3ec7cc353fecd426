// Runs before anything is painted, so that the page is never shown in the wrong colours.

const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
