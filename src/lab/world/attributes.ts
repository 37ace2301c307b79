/**
 * What can be said about a thing of the micro-world: attributes with twelve one-word values each. The value lists are
 * disjoint, so a value word tells its attribute. Knows nothing of entities, documents or language models.
 */

/** Attribute name → its twelve values. No value occurs in two lists, nor as a filler word of any text. */
export const ATTRIBUTE_VALUES = {
  color: words('red blue green yellow purple orange black white brown pink gray teal'),
  size: words('tiny small medium large huge giant slim broad tall short narrow bulky'),
  food: words('corn rice beans oats nuts seeds berries fish worms grass roots moss'),
  habitat: words('forest desert swamp meadow cave cliff island river lake beach valley tundra'),
  month: words('January February March April May June July August September October November December'),
  metal: words('iron copper tin silver zinc lead nickel bronze steel brass chrome cobalt'),
  sound: words('hum click roar whistle buzz hiss growl chirp bark howl squeak moan'),
  shape: words('round square oval flat curved pointed twisted hollow spiral conical angular forked'),
  taste: words('sweet sour bitter salty spicy bland smoky tangy minty nutty creamy sharp'),
  wood: words('oak pine maple birch cedar elm ash willow teak spruce walnut bamboo'),
  trade: words('baker miller weaver sailor farmer hunter potter tailor mason smith scribe piper'),
  tool: words('hammer saw chisel needle rope ladder shovel axe knife bucket wheel lamp'),
  cloth: words('wool silk cotton linen velvet felt denim satin leather canvas lace hemp'),
  drink: words('tea coffee milk cider juice broth ale wine cocoa lemonade mead rum'),
  game: words('chess dice cards darts tag marbles bowling racing wrestling archery hopscotch skittles'),
  music: words('drum flute harp fiddle horn bell lute guitar piano organ gong lyre'),
  weather: words('rain snow fog wind hail thunder frost drizzle sunshine storm sleet mist'),
  animal: words('dog cat horse goat fox wolf bear owl crow frog snail deer'),
  flower: words('rose lily daisy tulip violet poppy iris orchid lotus clover aster jasmine'),
  gem: words('ruby opal jade pearl amber topaz garnet onyx quartz agate emerald diamond'),
  mood: words('happy sad calm angry shy proud brave lazy gentle grumpy curious nervous'),
  number: words('two three four five six seven eight nine ten eleven twelve thirteen'),
  dish: words('soup stew pie bread cake pudding salad pancake dumpling noodles porridge cheese'),
  vehicle: words('wagon sled canoe raft bicycle tram ferry balloon carriage barge scooter trolley'),
} as const satisfies Record<string, readonly string[]>

export type Attribute = keyof typeof ATTRIBUTE_VALUES

/** Kind of thing → the eight attributes that its documents may state. */
export const KIND_ATTRIBUTES = {
  creature: ['color', 'food', 'habitat', 'sound', 'mood', 'size', 'number', 'taste'],
  town: ['metal', 'dish', 'flower', 'weather', 'music', 'game', 'trade', 'vehicle'],
  ship: ['wood', 'cloth', 'gem', 'animal', 'tool', 'drink', 'number', 'color'],
  plant: ['taste', 'shape', 'month', 'habitat', 'color', 'size', 'weather', 'animal'],
  guild: ['drink', 'game', 'tool', 'cloth', 'month', 'music', 'gem', 'mood'],
} as const satisfies Record<string, readonly Attribute[]>

export type Kind = keyof typeof KIND_ATTRIBUTES

export const KINDS = Object.keys(KIND_ATTRIBUTES) as Kind[]
export const ATTRIBUTES = Object.keys(ATTRIBUTE_VALUES) as Attribute[]

/** The values of an attribute, as plain strings. */
export function valuesOf(attribute: Attribute): readonly string[] {
  return ATTRIBUTE_VALUES[attribute]
}

/** Every value word of the world. */
export function allValues(): string[] {
  return ATTRIBUTES.flatMap((attribute) => [...valuesOf(attribute)])
}

function words(list: string): readonly string[] {
  return list.split(' ')
}
