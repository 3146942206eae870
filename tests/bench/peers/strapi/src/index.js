const { writeFileSync } = require('node:fs');

module.exports = {
  async bootstrap({ strapi }) {
    const token = await strapi.service('admin::api-token').create({
      name: `bench ${Date.now()}`,
      description: '',
      type: 'full-access',
      lifespan: null,
    });
    writeFileSync(process.env.TOKEN_FILE, token.accessKey);
  },
};
