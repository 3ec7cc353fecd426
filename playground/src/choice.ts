/** The selection of a language and a version. */

import { title } from "./languages";
import type { Runtime } from "./server";

export class Choice {
  onLanguage: () => void = () => {};
  onVersion: () => void = () => {};

  private runtimes: Runtime[] = [];

  constructor(
    private readonly languages: HTMLSelectElement,
    private readonly versions: HTMLSelectElement,
  ) {
    languages.addEventListener("change", () => {
      this.fillVersions();
      this.onLanguage();
    });
    versions.addEventListener("change", () => this.onVersion());
  }

  /** Fills the lists with runtimes, of which there must be at least one. */
  offer(runtimes: Runtime[]): void {
    this.runtimes = runtimes;
    const names = [...new Set(runtimes.map((runtime) => runtime.language))];
    const titled = names.map((name) => new Option(title(name), name));
    titled.sort((one, other) => one.text.localeCompare(other.text, "en"));
    this.languages.replaceChildren(...titled);
    this.languages.disabled = this.versions.disabled = false;
    this.choose(runtimes[0]?.language ?? "", "");
  }

  /**
   * Selects a language, by its name or an alias, and the given version or else its first one. Returns
   * false if the language is not installed.
   */
  choose(name: string, version: string): boolean {
    const byAlias = this.runtimes.find(({ aliases }) => aliases.includes(name));
    const found = this.runtimes.filter(({ language }) => language === name || language === byAlias?.language);
    const [first] = found;
    if (!first) return false;
    this.languages.value = first.language;
    this.fillVersions();
    if (found.some((runtime) => runtime.version === version)) this.versions.value = version;
    return true;
  }

  get current(): Runtime | undefined {
    return this.runtimes.find(
      ({ language, version }) => language === this.languages.value && version === this.versions.value,
    );
  }

  private fillVersions(): void {
    const found = this.runtimes.filter(({ language }) => language === this.languages.value);
    this.versions.replaceChildren(
      ...found.map(({ version, runtime }) => new Option(runtime ? `${version} (${runtime})` : version, version)),
    );
  }
}
