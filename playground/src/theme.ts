/** The dark and light theme: that of the system, until the user selects one. */

import { save } from "./storage";

const SYSTEM = matchMedia("(prefers-color-scheme: dark)");

export function addThemeToggle(button: HTMLButtonElement): void {
  const describe = () => {
    const other = isDark() ? "light" : "dark";
    button.ariaLabel = button.title = `Use ${other} colours`;
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    // If the user selects the theme of the system, the page follows the system again.
    const isSystem = (theme === "dark") === SYSTEM.matches;
    if (isSystem) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    save("localStorage", "theme", isSystem ? "" : theme);
    describe();
  });
  SYSTEM.addEventListener("change", describe);
  describe();
}

function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : SYSTEM.matches;
}
