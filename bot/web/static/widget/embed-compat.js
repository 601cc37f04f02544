/**
 * Takes the place of the embedding script of the state's former chatbot platform, at the same address and with the
 * same call, so that an ENT whose module loads it needs no change: `Webchat.init({...})` fills `#webchat`, and
 * `#iframe-bot` exists at once. The rest is the loader's, told what was asked by its own tag's attributes.
 *
 * `botURL` is not used: the assistant is where this script comes from. Nor is `iconColor`: the icon takes the colour
 * that reads best on the button. An ENT that wants to say more puts the
 * loader's attributes (data-profile, data-uai, data-jwt-url…) on `#webchat`.
 */
(() => {
  'use strict';

  const { src } = /** @type {HTMLScriptElement} */ (document.currentScript);

  /** @param {{chatWidth?: string, chatHeight?: string, buttonSize?: string, buttonColor?: string, iconSize?: string}} [options] */
  const init = (options = {}) => {
    const place = document.getElementById('webchat');
    if (!place || document.getElementById('iframe-bot')) return;
    const box = document.createElement('div');
    box.id = 'iframe-bot';
    const tag = document.createElement('script');
    tag.src = new URL('/widget/loader.js', src).href;
    const told = {
      mount: box.id, width: options.chatWidth ?? '400px', height: options.chatHeight ?? '500px',
      buttonSize: options.buttonSize ?? '60px', buttonColor: options.buttonColor, iconSize: options.iconSize,
    };
    for (const [name, value] of Object.entries({ ...told, ...place.dataset })) if (value) tag.dataset[name] = value;
    place.replaceChildren(box, tag);
  };

  Object.assign(window, { Webchat: { init } });
})();
