-- Every plan row is written twice: when it is planned and when it is applied, which no index needs to know. With room on the page the second
-- version stays beside the first, and none of the three indexes is touched.
ALTER TABLE "operation_plan" SET (fillfactor = 50);

-- A new operation is never among the most common ones of the last statistics, from which the planner concludes that it has next to no rows, and
-- then any index that begins with the operation seems as good as the one by key. Without statistics it is taken for a part of the table.
ALTER TABLE "operation_plan" ALTER COLUMN "operation_id" SET STATISTICS 0;
