// Builds the playground into a folder: `node build.mjs [FOLDER]`, ../bitrun/static/playground by
// default. The build is reproducible: equal sources and lock file give equal bytes.

import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.resolve(process.argv[2] ?? path.join(here, "../bitrun/static/playground"));

const entries = ["main.ts", "first-paint.ts", "style.css", "icon.svg"];

/** Lists the folders of all packages that contribute code to a bundle. */
function packagesOf(metafile) {
  const found = new Set();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const [within] = input.match(/^node_modules\/(@[^/]+\/)?[^/]+/) ?? [];
      if (within && bytesInOutput > 0) found.add(within);
    }
  }
  return [...found].sort();
}

/** Collects the licence notices of packages. */
async function notices(packages) {
  const parts = ["The playground holds parts of these packages.\n"];
  for (const within of packages) {
    const about = JSON.parse(await readFile(path.join(here, within, "package.json"), "utf8"));
    const file = (await readdir(path.join(here, within))).find((name) => /^licen[cs]e/i.test(name));
    if (!file) throw new Error(`${within} has no licence`);
    const text = await readFile(path.join(here, within, file), "utf8");
    parts.push(`${"-".repeat(80)}\n${about.name} ${about.version} (${about.license})\n`, text.trim() + "\n");
  }
  return parts.join("\n");
}

/** Makes preload links, so that the imports of the entry module load in parallel with it. */
function preloads(imports) {
  return imports
    .filter(({ kind }) => kind === "import-statement")
    .map((each) => `  <link rel="modulepreload" href="playground/${path.basename(each.path)}">`)
    .join("\n");
}

/**
 * Makes xterm.js obey the Content-Security-Policy of the page: its style elements get the nonce, and it
 * sets styles by properties, since attributes would need 'unsafe-inline'.
 */
const xtermUnderPolicy = {
  name: "xterm-under-policy",
  setup(builder) {
    builder.onLoad({ filter: /@xterm\/xterm\/lib\/xterm\.mjs$/ }, async ({ path: file }) => {
      let contents = await readFile(file, "utf8");
      const replace = (pattern, by, times) => {
        const found = contents.match(pattern)?.length ?? 0;
        if (found !== times) throw new Error(`xterm.js has ${found} of ${pattern}, not ${times}`);
        contents = contents.replace(pattern, by);
      };
      const nonce = 'document.querySelector("script[nonce]").nonce';
      replace(/[\w.]+\.createElement\("style"\)/g, `Object.assign($&,{nonce:${nonce}})`, 3);
      replace(/(\w+)\.setAttribute\("style",`\$\{\1\.getAttribute\("style"\)\|\|""\}\$\{(\w+)\};`\)/g, "$1.style.cssText+=$2", 1);
      replace(/\.setAttribute\("style"/g, "", 0);
      return { contents };
    });
  },
};

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: entries.map((name) => `src/${name}`),
  outdir: folder,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["chrome111", "firefox113", "safari16.4"],
  minify: true,
  legalComments: "none",
  loader: { ".svg": "copy", ".txt": "text" },
  plugins: [xtermUnderPolicy],
  metafile: true,
  write: false,
}).then(async (result) => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await Promise.all(result.outputFiles.map((file) => writeFile(file.path, file.contents)));
  return result;
});

let page = await readFile(path.join(here, "src/index.html"), "utf8");
for (const [output, { entryPoint, imports }] of Object.entries(metafile.outputs)) {
  if (entryPoint) page = page.replaceAll(`{${path.basename(entryPoint)}}`, path.basename(output));
  if (entryPoint === "src/main.ts") page = page.replace("{preloads}", preloads(imports));
}
await writeFile(path.join(folder, "index.html"), page);
await writeFile(path.join(folder, "licences.txt"), await notices(packagesOf(metafile)));
