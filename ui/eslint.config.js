import pluginVue from "eslint-plugin-vue";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/**", "src/api/schema.ts"] },
  ...tseslint.configs.recommended,
  ...pluginVue.configs["flat/recommended"],
  {
    files: ["**/*.vue"],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    rules: {
      // Layout of markup is the editor's business.
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": "off",
      "vue/multiline-html-element-content-newline": "off",
      "vue/html-indent": "off",
      "vue/html-closing-bracket-newline": "off",
      "vue/first-attribute-linebreak": "off",
      "vue/attributes-order": "off",
      "vue/require-default-prop": "off", // TypeScript says which props are optional
      "vue/no-v-html": "error",
      // Every word a person reads comes from src/i18n.
      "vue/no-bare-strings-in-template": ["error", { allowlist: ["·", "/", "→", "—", "%", "(", ")", ":", "+", "-", "×", "|", "…", "⌄", ",", "#"] }],
    },
  },
  { rules: { "no-console": "error", eqeqeq: "error" } },
  { files: ["scripts/**", "mock/**"], rules: { "no-console": "off" } },
);
