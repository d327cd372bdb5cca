// Orders.total: how many orders a restaurant has, beside any page of them. It reads one item.
import { util } from '@aws-appsync/utils';

export function request(ctx) {
  return {
    operation: 'GetItem',
    key: util.dynamodb.toMapValues({ group: ctx.source.restaurantId, time_window: 'all' }),
  };
}

export function response(ctx) {
  if (ctx.error) {
    util.error(ctx.error.message, ctx.error.type);
  }
  return ctx.result ? ctx.result.orders : 0; // no item: none yet
}
