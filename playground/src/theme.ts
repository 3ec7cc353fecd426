/** Dark and light: the system's choice until the user makes one. */

import { remember } from "./storage";

const SYSTEM = matchMedia("(prefers-color-scheme: dark)");

export function addThemeToggle(button: HTMLButtonElement): void {
  const describe = () => {
    const other = isDark() ? "light" : "dark";
    button.ariaLabel = button.title = `Use ${other} colours`;
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    // Back at what the system says, the page follows the system again.
    const isSystem = (theme === "dark") === SYSTEM.matches;
    if (isSystem) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    remember("localStorage", "theme", isSystem ? "" : theme);
    describe();
  });
  SYSTEM.addEventListener("change", describe);
  describe();
}

function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : SYSTEM.matches;
}
