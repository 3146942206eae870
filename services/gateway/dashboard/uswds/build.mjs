// Compiles theme.scss into ../static/uswds.css, and copies what it refers to next to it, each under the hash of its content.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { compile } from "sass";

const here = import.meta.dirname;
const uswds = join(here, "node_modules/@uswds/uswds");
const into = join(here, "../static");
const places = { woff2: "dist/fonts", svg: "dist/img" };

const { css } = compile(join(here, "theme.scss"), {
  loadPaths: [join(uswds, "packages")],
  style: "compressed",
  quietDeps: true,
});

const found = css.replace(/url\("?\.\/([\w./-]+)"?\)/g, (_, path) => {
  const name = basename(path);
  const from = join(uswds, places[name.split(".").pop()], path);
  const version = createHash("sha256").update(readFileSync(from)).digest("hex").slice(0, 12);
  copyFileSync(from, join(into, name));
  return `url(${name}?v=${version})`;
});
for (const name of ["us_flag_small.png", "icon-dot-gov.svg", "icon-https.svg"]) copyFileSync(join(uswds, "dist/img", name), join(into, name));
writeFileSync(join(into, "uswds.css"), found.replace(/^\uFEFF/, "") + "\n");
copyFileSync(join(uswds, "LICENSE.md"), join(into, "LICENSE-uswds.md"));
copyFileSync(join(here, "node_modules/@fontsource/public-sans/LICENSE"), join(into, "LICENSE-public-sans.txt"));
