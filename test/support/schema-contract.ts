import {
  type GraphQLArgument,
  type GraphQLEnumType,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputObjectType,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type GraphQLUnionType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
} from 'graphql';

/**
 * What a schema lacks of a contract, as sentences: every type reachable from the contract's roots, every field, argument, default,
 * nullability, enum value and union member. More than the contract says is fine, unless a client would have to send it.
 */
export function missingFrom(schema: GraphQLSchema, contract: GraphQLSchema, notServed: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  for (const wanted of reachable(contract, notServed)) {
    const found = schema.getType(wanted.name);
    if (found === undefined) problems.push(`type ${wanted.name} is missing`);
    else if (found.constructor !== wanted.constructor) problems.push(`${wanted.name} is of another kind`);
    else problems.push(...compare(found, wanted, notServed));
  }
  return problems;
}

function reachable(contract: GraphQLSchema, notServed: ReadonlySet<string>): Set<GraphQLNamedType> {
  const found = new Set<GraphQLNamedType>();
  const queue: (GraphQLNamedType | null | undefined)[] = [
    contract.getQueryType(),
    contract.getMutationType(),
    contract.getSubscriptionType(),
  ];
  for (let type = queue.pop(); type !== undefined; type = queue.pop()) {
    if (type === null || found.has(type)) continue;
    found.add(type);
    if (isUnionType(type)) queue.push(...type.getTypes());
    if (isInterfaceType(type)) queue.push(...contract.getPossibleTypes(type));
    if (isObjectType(type)) queue.push(...type.getInterfaces());
    if (isInputObjectType(type))
      queue.push(...Object.values(type.getFields()).map((field) => getNamedType(field.type)));
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (notServed.has(`${type.name}.${field.name}`)) continue;
      queue.push(getNamedType(field.type), ...field.args.map((arg) => getNamedType(arg.type)));
    }
  }
  return found;
}

function compare(found: GraphQLNamedType, wanted: GraphQLNamedType, notServed: ReadonlySet<string>): string[] {
  // The two were found to be of one kind.
  if (isEnumType(wanted)) return enumProblems(found as GraphQLEnumType, wanted);
  if (isUnionType(wanted)) return unionProblems(found as GraphQLUnionType, wanted);
  if (isInputObjectType(wanted)) return inputProblems(found as GraphQLInputObjectType, wanted);
  if (isObjectType(wanted) || isInterfaceType(wanted))
    return fieldProblems(found as GraphQLObjectType, wanted, notServed);
  return [];
}

function enumProblems(found: GraphQLEnumType, wanted: GraphQLEnumType): string[] {
  const values = new Set(found.getValues().map(({ name }) => name));
  return wanted.getValues().flatMap(({ name }) => (values.has(name) ? [] : [`${wanted.name}.${name} is missing`]));
}

function unionProblems(found: GraphQLUnionType, wanted: GraphQLUnionType): string[] {
  const members = new Set(found.getTypes().map(({ name }) => name));
  return wanted.getTypes().flatMap(({ name }) => (members.has(name) ? [] : [`${wanted.name} has no member ${name}`]));
}

function inputProblems(found: GraphQLInputObjectType, wanted: GraphQLInputObjectType): string[] {
  const problems = found.isOneOf === wanted.isOneOf ? [] : [`${wanted.name}: oneOf differs`];
  const fields = found.getFields();
  for (const field of Object.values(wanted.getFields())) {
    problems.push(...valueProblems(`${wanted.name}.${field.name}`, fields[field.name], field));
  }
  for (const field of Object.values(fields)) {
    const extra = !(field.name in wanted.getFields());
    if (extra && isRequiredInputField(field)) problems.push(`${wanted.name}.${field.name} is required but not agreed`);
  }
  return problems;
}

function fieldProblems(
  found: GraphQLObjectType,
  wanted: GraphQLObjectType | GraphQLInterfaceType,
  notServed: ReadonlySet<string>,
): string[] {
  const interfaces = new Set(found.getInterfaces().map(({ name }) => name));
  const problems = wanted
    .getInterfaces()
    .flatMap(({ name }) => (interfaces.has(name) ? [] : [`${wanted.name} does not implement ${name}`]));
  for (const field of Object.values(wanted.getFields())) {
    const name = `${wanted.name}.${field.name}`;
    if (!notServed.has(name)) problems.push(...oneFieldProblems(name, found.getFields()[field.name], field));
  }
  return problems;
}

type Field = GraphQLField<unknown, unknown>;

function oneFieldProblems(name: string, found: Field | undefined, wanted: Field): string[] {
  if (found === undefined) return [`${name} is missing`];
  const problems = String(found.type) === String(wanted.type) ? [] : [`${name} is ${found.type}, not ${wanted.type}`];
  const args = new Map(found.args.map((arg) => [arg.name, arg]));
  for (const arg of wanted.args) problems.push(...valueProblems(`${name}(${arg.name})`, args.get(arg.name), arg));
  const known = new Set(wanted.args.map((arg) => arg.name));
  for (const arg of found.args) {
    if (!known.has(arg.name) && isRequiredArgument(arg))
      problems.push(`${name}(${arg.name}) is required but not agreed`);
  }
  return problems;
}

type InputValue = GraphQLArgument | GraphQLInputField;

function valueProblems(name: string, found: InputValue | undefined, wanted: InputValue): string[] {
  if (found === undefined) return [`${name} is missing`];
  const problems = String(found.type) === String(wanted.type) ? [] : [`${name} is ${found.type}, not ${wanted.type}`];
  if (JSON.stringify(found.defaultValue) !== JSON.stringify(wanted.defaultValue))
    problems.push(`${name}: default differs`);
  return problems;
}
