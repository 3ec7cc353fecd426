/** Dark and light: the system's choice until the user makes one. */

const SYSTEM = matchMedia("(prefers-color-scheme: dark)");

export function addThemeToggle(button: HTMLButtonElement): void {
  const describe = () => {
    const other = isDark() ? "light" : "dark";
    button.ariaLabel = button.title = `Use ${other} colours`;
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    // Back at what the system says, the page follows the system again.
    if ((theme === "dark") === SYSTEM.matches) {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem("theme");
    } else {
      document.documentElement.dataset.theme = theme;
      localStorage.setItem("theme", theme);
    }
    describe();
  });
  SYSTEM.addEventListener("change", describe);
  describe();
}

function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : SYSTEM.matches;
}
