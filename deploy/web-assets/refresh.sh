#!/bin/sh
# Copy what the pages load from the npm packages that the lock file names into the Python package, so that whoever installs
# it needs no npm, no build and no network. Run it after changing a version in package.json (then `npm install` first).
set -eu
cd "$(dirname "$0")"
vendor=../../solaris_hooks/web/static/vendor
npm ci --ignore-scripts --no-audit --no-fund
mkdir -p "$vendor"
copy() { # strip the pointer to a source map, which is not shipped
  sed '/^\/\/# sourceMappingURL=/d' "node_modules/$1" >"$vendor/$2"
}
copy htmx.org/dist/htmx.min.js htmx.min.js
copy chart.js/dist/chart.umd.min.js chart.min.js
cp node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2 "$vendor/inter-latin.woff2"
{
  echo "What stands here comes from npm by deploy/web-assets/refresh.sh; change nothing by hand."
  for package in htmx.org chart.js @fontsource-variable/inter; do
    node -e 'const p = require(`./node_modules/${process.argv[1]}/package.json`); console.log(`\n== ${p.name} ${p.version}, ${p.license}\n`)' "$package"
    cat "node_modules/$package"/LICENSE*
  done
} >"$vendor/LICENSES.txt"
