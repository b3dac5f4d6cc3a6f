// How `make lint-js` reads the widgets' JavaScript. ESLint needs nothing beside itself: npx fetches it, there is no
// package.json.
//
// A widget's files do not import each other: flm_edu/widgets/base.py puts them into one module, where each sees the
// names of all. So the names that a file may use are read from the files that it is put together with, and a name is
// used if any of those files uses it.
import { readdirSync, readFileSync } from "node:fs";

const FOLDER = new URL("flm_edu/widgets/", import.meta.url);
const read = (name) => readFileSync(new URL(name, FOLDER), "utf8");
const namesOf = (ending) => readdirSync(FOLDER).filter((name) => name.endsWith(ending));
const quoted = (text) => [...text.matchAll(/"(\w+\.js)"/g)].map(([, name]) => name);

// The files of each widget's module: `SHARED = (...)` in base.py, and `_esm = javascript(...)` in the widget's own file.
const shared = quoted(read("base.py").match(/^SHARED = \(([^)]*)\)/m)[1]);
const modules = namesOf(".py")
  .flatMap((name) => [...read(name).matchAll(/_esm = javascript\(([^)]*)\)/g)])
  .map(([, list]) => [...shared, ...quoted(list)]);

/** Names that a file declares at its top level. */
const declared = (name) => [...read(name).matchAll(/^(?:function|class|const|let) (\w+)/gm)].map(([, found]) => found);

/** What a file is read with: the names that it finds in every module it is part of, and those of its own that one uses. */
function surroundings(name) {
  const homes = modules.filter((files) => files.includes(name));
  const beside = (homes[0] ?? []).filter((other) => other !== name && homes.every((files) => files.includes(other)));
  const neighbours = [...new Set(homes.flat())].filter((other) => other !== name);
  const others = neighbours.map(read).join("\n");
  const needed = declared(name).filter((found) => new RegExp(`\\b${found}\\b`).test(others));
  return {
    globals: Object.fromEntries(beside.flatMap(declared).map((found) => [found, "readonly"])),
    // `render` and `mount` are called from Python: in base.py and page.py.
    needed: [...needed, "render", "mount"],
  };
}

/** What the widgets take from the browser; a new name here asks for a look at which browsers have it. */
const BROWSER = [
  "atob", "cancelAnimationFrame", "document", "ImageData", "matchMedia", "MutationObserver", "performance",
  "queueMicrotask", "requestAnimationFrame", "ResizeObserver", "window",
];

const WRONG = [
  "array-callback-return", "constructor-super", "for-direction", "getter-return", "no-class-assign",
  "no-compare-neg-zero", "no-cond-assign", "no-const-assign", "no-constant-binary-expression", "no-constant-condition",
  "no-control-regex", "no-debugger", "no-delete-var", "no-dupe-args", "no-dupe-class-members", "no-dupe-else-if",
  "no-dupe-keys", "no-duplicate-case", "no-empty-character-class", "no-empty-pattern", "no-ex-assign",
  "no-fallthrough", "no-func-assign", "no-global-assign", "no-invalid-regexp", "no-irregular-whitespace",
  "no-loss-of-precision", "no-misleading-character-class", "no-new-native-nonconstructor", "no-obj-calls",
  "no-promise-executor-return", "no-prototype-builtins", "no-redeclare", "no-self-assign", "no-self-compare",
  "no-setter-return", "no-shadow-restricted-names", "no-sparse-arrays", "no-template-curly-in-string",
  "no-this-before-super", "no-unassigned-vars", "no-undef", "no-unexpected-multiline", "no-unmodified-loop-condition",
  "no-unreachable", "no-unreachable-loop", "no-unsafe-finally", "no-unsafe-negation", "no-unsafe-optional-chaining",
  "require-yield", "use-isnan", "valid-typeof",
];
const CARELESS = [
  "default-case-last", "eqeqeq", "no-alert", "no-array-constructor", "no-caller", "no-case-declarations", "no-console",
  "no-empty", "no-eval", "no-extend-native", "no-extra-bind", "no-extra-boolean-cast", "no-implied-eval", "no-labels",
  "no-lone-blocks", "no-lonely-if", "no-loop-func", "no-new", "no-new-func", "no-new-wrappers", "no-octal",
  "no-regex-spaces", "no-sequences", "no-throw-literal", "no-undef-init", "no-unneeded-ternary",
  "no-unused-expressions", "no-unused-labels", "no-unused-private-class-members", "no-useless-assignment",
  "no-useless-backreference", "no-useless-call", "no-useless-catch", "no-useless-computed-key", "no-useless-concat",
  "no-useless-constructor", "no-useless-escape", "no-useless-rename", "no-useless-return", "no-var", "object-shorthand",
  "prefer-const", "prefer-rest-params", "prefer-spread", "prefer-template", "radix", "symbol-description", "yoda",
];

export default namesOf(".js").map((name) => {
  const { globals, needed } = surroundings(name);
  return {
    files: [`flm_edu/widgets/${name}`],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "module",
      globals: { ...globals, ...Object.fromEntries(BROWSER.map((found) => [found, "readonly"])) },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...Object.fromEntries([...WRONG, ...CARELESS].map((rule) => [rule, "error"])),
      "no-shadow": ["error", { builtinGlobals: true }],
      "no-unused-vars": ["error", { varsIgnorePattern: `^(${needed.join("|")})$` }],
      // One idea a function, and not many more a file.
      "max-lines-per-function": ["error", 80],
      "max-lines": ["error", 250],
    },
  };
});
