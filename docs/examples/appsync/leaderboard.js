// Query.leaderboard: restaurants by revenue, most first, of `all` or of a day. For a store that is
// ordered by the measure (`?ranking=measure`).
import { util } from '@aws-appsync/utils';

export function request(ctx) {
  const { window, limit, nextToken } = ctx.args;
  return {
    operation: 'Query',
    index: 'ranking',
    query: {
      expression: 'ranking = :window and #revenue > :nothing',
      expressionNames: { '#revenue': 'revenue' },
      expressionValues: util.dynamodb.toMapValues({ ':window': window, ':nothing': 0 }),
    },
    scanIndexForward: false,
    limit: limit ? limit : 10,
    nextToken,
  };
}

export function response(ctx) {
  if (ctx.error) {
    util.error(ctx.error.message, ctx.error.type);
  }
  const { items, nextToken } = ctx.result;
  return {
    items: items.map((item) => ({ restaurantId: item.group, revenue: item.revenue })),
    nextToken,
  };
}
