// Query.history: the days of a restaurant that have orders.
import { util } from '@aws-appsync/utils';

export function request(ctx) {
  const { restaurantId, from, to } = ctx.args;
  return {
    operation: 'Query',
    query: {
      expression: '#group = :group and time_window between :from and :to',
      expressionNames: { '#group': 'group' },
      expressionValues: util.dynamodb.toMapValues({
        ':group': restaurantId,
        ':from': from,
        ':to': to,
      }),
    },
    consistentRead: true,
    limit: 1000,
  };
}

export function response(ctx) {
  if (ctx.error) {
    util.error(ctx.error.message, ctx.error.type);
  }
  // A day's name has ten characters. Where all orders are gone, an item of zeros stays.
  return ctx.result.items
    .filter((item) => item.time_window.length === 10 && item.orders !== 0)
    .map((item) => ({ day: item.time_window, orders: item.orders, revenue: item.revenue }));
}
