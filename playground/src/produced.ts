/** The files that a program has made: pictures are shown, all are offered for download. */

import type { DroppedFile, OutputFile } from "../../clients/javascript/src/index.js";

const PICTURES: Record<string, string> = {
  gif: "image/gif",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  png: "image/png",
  svg: "image/svg+xml",
  webp: "image/webp",
};
const OTHERS = ["csv", "html", "json", "md", "pdf", "tsv", "txt", "wav", "xlsx", "zip"];

/** What the page asks for: by endings, since compilers leave files, too. */
export const PATTERNS = [...Object.keys(PICTURES), ...OTHERS].map((ending) => `**/*.${ending}`);

export class Produced {
  private addresses: string[] = [];

  constructor(
    private readonly section: HTMLElement,
    private readonly count: HTMLElement,
    private readonly list: HTMLElement,
  ) {}

  clear(): void {
    for (const address of this.addresses.splice(0)) URL.revokeObjectURL(address);
    this.list.replaceChildren();
    this.count.textContent = "";
    this.section.hidden = true;
  }

  show(file: OutputFile): void {
    this.add(this.draw(file));
    const files = this.list.querySelectorAll("a").length;
    this.count.textContent = `${files} ${files === 1 ? "file" : "files"} of the program`;
  }

  /** Says why a file is missing. */
  tell({ name, message }: DroppedFile): void {
    const item = document.createElement("li");
    item.textContent = name ? `${name}: ${message}` : message;
    this.add(item);
  }

  private add(item: HTMLElement): void {
    this.section.hidden = false;
    this.list.append(item);
  }

  private draw(file: OutputFile): HTMLElement {
    const item = document.createElement("li");
    const type = PICTURES[file.name.split(".").pop()?.toLowerCase() ?? ""];
    const address = URL.createObjectURL(new Blob([file.content as BlobPart], { type: type ?? "application/octet-stream" }));
    this.addresses.push(address);
    if (type) {
      // In an <img> the scripts of an SVG do not run.
      const picture = document.createElement("img");
      picture.alt = `Picture ${file.name}`;
      picture.addEventListener("error", () => picture.remove());
      // On a narrow screen the first one may be out of sight.
      if (!this.list.querySelector("img")) {
        picture.addEventListener("load", () => item.scrollIntoView({ block: "nearest" }));
      }
      picture.src = address;
      item.append(picture);
    }
    const link = document.createElement("a");
    link.href = address;
    link.download = file.name.split("/").pop() ?? "";
    link.textContent = file.name;
    link.ariaLabel = `Download ${file.name}`;
    const size = document.createElement("span");
    size.textContent = sizeInWords(file.content.length);
    item.append(link, " ", size);
    return item;
  }
}

function sizeInWords(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / (1024 * 1024)).toFixed(1)} MiB`;
}
