import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const node = Object.fromEntries(
  [
    'AbortController',
    'console',
    'fetch',
    'process',
    'setInterval',
    'clearInterval',
    'setTimeout',
    'clearTimeout',
    'URL',
    'AbortSignal'
  ].map(name => [name, 'readonly'])
);

export default tseslint.config(
  {
    ignores: [
      '**/dist',
      '**/lib',
      '**/node_modules',
      '**/labextension',
      '.venv',
      '.setup',
      '**/test-results'
    ]
  },
  js.configs.recommended,
  { files: ['**/*.mjs'], languageOptions: { globals: node } },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname }
    },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true }
      ]
    }
  },
  {
    // `replicas` implements interfaces of others: without it, everything but server.ts still compiles.
    files: ['server/src/**/*.ts'],
    ignores: ['server/src/server.ts', 'server/src/replicas/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['**/replicas/*'] }] }
  },
  {
    files: ['**/{test,src}/**/*.test.ts', '**/test/**/*.ts'],
    extends: [tseslint.configs.disableTypeChecked]
  },
  {
    files: ['extension/src/**/*.{ts,tsx}'],
    plugins: { jupyter },
    rules: {
      ...Object.assign({}, ...jupyter.configs.recommended.map(config => config.rules)),
      // Lumino's signals take `this` next to the method; its style puts a class's options into a namespace.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-namespace': 'off'
    }
  },
  prettier
);
