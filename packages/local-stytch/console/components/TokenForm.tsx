import { useState } from 'preact/hooks';
import { api, hasAdminToken, messageOf, signedOut } from '../api';
import { connect } from '../live';
import { Field } from './Field';

/** Asks for the admin token. The server keeps it in a cookie that scripts cannot read. */
export function TokenForm() {
  const [token, setToken] = useState('');
  const [failure, setFailure] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await api.signIn(token.trim());
      hasAdminToken.value = true;
      signedOut.value = false;
      connect();
    } catch (error) {
      setFailure(messageOf(error));
    }
  };
  return (
    <form class="card narrow stack" onSubmit={(event) => void submit(event)}>
      <h2>This local-stytch has an admin token</h2>
      <Field
        label="Admin token"
        hint="local-stytch printed it at its start, as LOCAL_STYTCH_ADMIN_TOKEN."
        error={failure}
      >
        {(field) => (
          <input
            {...field}
            type="password"
            autocomplete="off"
            value={token}
            onInput={({ currentTarget }) => {
              setToken(currentTarget.value);
            }}
          />
        )}
      </Field>
      <button class="button primary" type="submit">
        Open the console
      </button>
    </form>
  );
}
