import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './images';
import { schemaErrors } from './kubernetesSchemas';
import { readManifests } from './kustomize';

describe('The test on kind', () => {
  const folder = join(repository, 'deploy', 'kind');

  test('has a valid script, and a local-stytch that is valid under the schemas', () => {
    expect(spawnSync('bash', ['-n', join(folder, 'test.sh')]).status).toBe(0);
    expect(schemaErrors(readManifests('../kind/local-stytch', 'local-stytch.yaml'))).toEqual([]);
  });

  test('gives both sides of local-stytch the same ids and the secrets of the script', () => {
    const manifests = readFileSync(join(folder, 'local-stytch', 'local-stytch.yaml'), 'utf8');
    const settings = readFileSync(join(folder, 'local-stytch', 'kustomization.yaml'), 'utf8');
    const script = readFileSync(join(folder, 'test.sh'), 'utf8');
    const valueOf = (name: string) => new RegExp(`name: ${name}, value: (\\S+) }`).exec(manifests)?.[1] ?? '';

    for (const name of ['STYTCH_PROJECT_ID', 'CLIENT_ID', 'OPERATOR_CLIENT_ID']) {
      expect(settings).toContain(`- ${name}=${valueOf(name)}\n`);
    }
    for (const name of ['STYTCH_SECRET', 'CLIENT_SECRET', 'OPERATOR_CLIENT_SECRET']) {
      expect(script).toContain(`secret=${valueOf(name)}\n`);
    }
  });
});
