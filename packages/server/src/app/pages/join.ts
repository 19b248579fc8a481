/** The page behind an invitation link: what to do with it. The secret is in the fragment, which browsers do not send. */

import { html } from 'hono/html'
import { page, type Html } from './layout.ts'

export function joinPage(): Html {
  const main = html`<h1>You are invited to a tenant</h1>
    <p class="lead">
      The address of this page is the invitation. The part after its # is a secret: your browser did not send it here,
      so keep the address to yourself.
    </p>
    <h2>On the device that is to join</h2>
    <ol class="steps one">
      <li>
        <h3>Copy the whole address of this page</h3>
        <p>From the address bar, with everything after the #.</p>
      </li>
      <li>
        <h3>Run this in a terminal, with the address in quotes</h3>
        <pre><code>varve join '&lt;link&gt;'</code></pre>
        <p>The device makes its own keys and asks to be let in. Only those who have the link can read what it asks.</p>
      </li>
      <li>
        <h3>Wait for an admin</h3>
        <p>An admin's device answers with the keys of the tenant, sealed for yours. Then both have the same data.</p>
      </li>
    </ol>`
  return page(
    'Join a tenant',
    main,
    html`<ul>
      <li><a href="/">About this server</a></li>
    </ul>`,
  )
}
