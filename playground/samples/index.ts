/** Sample programs of the default languages. */

import bash from "./bash.sh.txt";
import c from "./c.c.txt";
import cpp from "./c++.cpp.txt";
import javascript from "./javascript.js.txt";
import php from "./php.php.txt";
import python from "./python.py.txt";
import ruby from "./ruby.rb.txt";

import type { SourceFile } from "../src/program";

export const SAMPLES: Record<string, SourceFile> = {
  bash: { name: "main.sh", content: bash },
  c: { name: "main.c", content: c },
  "c++": { name: "main.cpp", content: cpp },
  javascript: { name: "main.js", content: javascript },
  php: { name: "main.php", content: php },
  python: { name: "main.py", content: python },
  ruby: { name: "main.rb", content: ruby },
};
