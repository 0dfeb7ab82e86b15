import eslint from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      '**/dist/',
      'packages/local-stytch/bundle/',
      '**/coverage/',
      '**/node_modules/',
      'recipes/*/fixtures/',
    ],
  },
  eslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: [
          './tsconfig.check.json',
          './packages/local-stytch/console/tsconfig.json',
          './bench/tsconfig.check.json',
        ],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'no-console': 'error',
    },
  },
  {
    files: ['**/test/**/*.ts', '**/long/**/*.ts', 'e2e/helpers/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
  {
    files: ['tools/src/**/*.ts', 'packages/rotate-client-secret/src/**/*.ts', 'bench/src/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  { files: ['*.config.js'], languageOptions: { globals: { module: 'readonly', require: 'readonly' } } },
  {
    files: ['recipes/**/*.mjs'],
    languageOptions: {
      globals: Object.fromEntries(
        ['Buffer', 'console', 'fetch', 'performance', 'process', 'URLSearchParams'].map((name) => [
          name,
          'readonly',
        ]),
      ),
    },
  },
  prettier,
);
