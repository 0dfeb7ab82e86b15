import { closure, closureOf, installOf, readLockfile } from '../src/install';

const lockfile = {
  app: { dependencies: { library: '*', shared: '^2' } },
  'node_modules/library': { link: true, resolved: 'library' },
  library: {
    dependencies: { shared: '^1' },
    peerDependencies: { needed: '*', wished: '*' },
    peerDependenciesMeta: { wished: { optional: true } },
  },
  'library/node_modules/shared': { version: '1.0.0', dependencies: { leaf: '*' } },
  'node_modules/shared': { version: '2.0.0' },
  'node_modules/leaf': { version: '1.0.0', optionalDependencies: { missing: '*' } },
  'node_modules/needed': { version: '1.0.0', dependencies: { library: '*' } },
  'node_modules/wished': { version: '1.0.0' },
};

test('When a package depends on another, then it is the one that Node finds from its folder', () => {
  expect([...closure(lockfile, 'app')].sort()).toEqual([
    'app',
    'library',
    'library/node_modules/shared',
    'node_modules/leaf',
    'node_modules/needed',
    'node_modules/shared',
  ]);
});

test('When a package is given by name, then it and its dependencies count', () => {
  expect([...closureOf(lockfile, ['leaf'])]).toEqual(['node_modules/leaf']);
});

test('When Express is counted, then there are many packages', () => {
  const { packages, bytes } = installOf(readLockfile(), ['express']);

  expect(packages).toBeGreaterThan(20);
  expect(bytes).toBeGreaterThan(100_000);
});
